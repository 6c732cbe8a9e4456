import { describe, expect, it } from 'vitest'
import { Latest } from './latest'

describe('Latest', () => {
  it('runs one, keeps one, drops those between', async () => {
    const latest = new Latest()
    const ran: string[] = []
    const task = (name: string) => async (): Promise<string> => {
      ran.push(name)
      await Promise.resolve()
      return name
    }
    const results = await Promise.allSettled(['a', 'b', 'c', 'd'].map((name) => latest.submit(task(name))))
    expect(ran).toEqual(['a', 'd'])
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
    expect(results[1]).toMatchObject({ reason: { code: 'superseded' } })
  })

  it('goes on after a failure', async () => {
    const latest = new Latest()
    await expect(latest.submit(() => Promise.reject(new Error('boom')))).rejects.toThrow('boom')
    await expect(latest.submit(() => Promise.resolve(1))).resolves.toBe(1)
  })
})
