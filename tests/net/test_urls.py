import pytest

from app.net.errors import UrlRefused
from app.net.urls import check_url

ODD = [
    "",
    "example.com/a.png",
    "//example.com/a.png",
    "ftp://example.com/a.png",
    "file:///etc/passwd",
    "data:image/png;base64,AAAA",
    "http://example.com/a.png",
    "https://",
    "https:///a.png",
    "https://user@example.com/",
    "https://user:secret@example.com/",
    "https://example.com./",
    "https://127.0.0.1./",
    "https://127.1/",
    "https://127.0.1/",
    "https://2130706433/",
    "https://017700000001/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://0300.0250.1.1/",
    "https://1.2.3.4.5/",
    "https://256.256.256.256/",
    "https://example.0x/",
    "https://127。0。0。1/",
    "https://\uff11\uff12\uff17.0.0.1/",
    "https://①②⑦.0.0.1/",
    "https://%31%32%37.0.0.1/",
    "https://[::1]/",
    "https://[::1%25lo]/",
    "https://[fe80::1%eth0]/",
    "https://[::ffff:7f00:1]/",
    "https://[v1.fe80]/",
    "https://exa mple.com/",
    "https://example.com\\@127.0.0.1/",
    "https://example.com/\r\nHost: 127.0.0.1",
    "https://example.com\t/",
    "https://example.com:0/",
    "https://example.com:99999/",
    "https://example.com:port/",
    "https://" + "a" * 2048 + ".com/",
]


@pytest.mark.parametrize("url", ODD)
def test_refuses_odd_spellings(url: str) -> None:
    with pytest.raises(UrlRefused):
        check_url(url)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://example.com/a.png?x=1#part", b"example.com"),
        ("HTTPS://EXAMPLE.com:8443/", b"example.com"),
        ("https://bücher.example/", b"xn--bcher-kva.example"),
        ("https://0x7f.example/", b"0x7f.example"),
        ("https://8.8.8.8/", b"8.8.8.8"),
        ("https://[2606:4700:4700::1111]/", b"2606:4700:4700::1111"),
    ],
)
def test_accepts_plain_urls(url: str, host: bytes) -> None:
    assert check_url(url).raw_host == host


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000/", "http://localhost/", "https://[::1]/"])
def test_http_and_loopback_need_the_flag(url: str) -> None:
    check_url(url, allow_loopback=True)
    if not url.startswith("https"):
        with pytest.raises(UrlRefused):
            check_url(url)


def test_the_flag_does_not_open_the_private_network() -> None:
    with pytest.raises(UrlRefused):
        check_url("http://192.168.0.1/", allow_loopback=True)
