//! A site that answers as the request asks it to, on a free port, until the test ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use portcullis_filter::ftw::reflect;

/// The site.
pub(crate) struct Reflector {
    pub(crate) address: SocketAddr,
}

impl Reflector {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                std::thread::spawn(move || serve(&stream));
            }
        });
        Self { address }
    }
}

/// Answers requests on one connection until it ends.
fn serve(stream: &TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut writer = stream.try_clone().ok()?;
    loop {
        let first = line(&mut reader)?;
        let mut body = Body::None;
        loop {
            let field = line(&mut reader)?.to_ascii_lowercase();
            if field.is_empty() {
                break;
            }
            match field.split_once(':').map(|(name, value)| (name, value.trim())) {
                Some(("content-length", length)) => body = Body::Length(length.parse().ok()?),
                Some(("transfer-encoding", _)) => body = Body::Chunks,
                _ => {}
            }
        }
        let body = body.read(&mut reader)?;
        let mut words = first.split(' ');
        let (method, path) = (words.next()?, words.next()?);
        let answer = reflect(method, path, &body);
        let mut message = format!("HTTP/1.1 {} Reflected\r\n", answer.status);
        for (name, value) in &answer.headers {
            message += &format!("{name}: {value}\r\n");
        }
        message += &format!("Content-Length: {}\r\n\r\n", answer.body.len());
        writer.write_all(message.as_bytes()).ok()?;
        if method != "HEAD" {
            writer.write_all(&answer.body).ok()?;
        }
    }
}

enum Body {
    None,
    Length(u64),
    Chunks,
}

impl Body {
    fn read(&self, reader: &mut impl BufRead) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        match self {
            Self::None => {}
            Self::Length(length) => {
                reader.take(*length).read_to_end(&mut body).ok()?;
            }
            Self::Chunks => loop {
                let size = u64::from_str_radix(line(reader)?.split(';').next()?.trim(), 16).ok()?;
                reader.take(size).read_to_end(&mut body).ok()?;
                line(reader)?;
                if size == 0 {
                    break;
                }
            },
        }
        Some(body)
    }
}

/// A line without its end; `None` at the end of the stream. Bytes that are no text stay readable enough.
fn line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = Vec::new();
    if reader.read_until(b'\n', &mut line).ok()? == 0 {
        return None;
    }
    Some(String::from_utf8_lossy(&line).trim_end().to_owned())
}
