/** The TypeScript module that carries the compiled assembly/unpack.ts. */
export function compiled(): Promise<string>
