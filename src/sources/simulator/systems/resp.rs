//! The protocol of Redis and Valkey (RESP2), as far as a server that answers needs it.

use std::sync::Arc;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::{Systems, cache};

/// Words of a command, and bytes of a word.
const MAX: usize = 1 << 16;
/// Bytes of a command.
const MAX_COMMAND: usize = 1 << 20;
/// Bytes of a line with a number.
const MAX_LINE: u64 = 32;

/// Listens on a free port of the loopback.
pub(super) async fn start(systems: Arc<Systems>) -> std::io::Result<std::net::SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let systems = Arc::clone(&systems);
            // A client that breaks off ends its own connection.
            tokio::spawn(async move { serve(stream, &systems).await });
        }
    });
    Ok(address)
}

async fn serve(stream: TcpStream, systems: &Systems) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    while let Some(command) = command(&mut read).await? {
        let answer = cache::answer(&mut systems.0.lock(), &command);
        write.write_all(&answer).await?;
    }
    Ok(())
}

/// A command: an array of bulk strings. `None` = the client is gone, or speaks something else.
async fn command(read: &mut (impl tokio::io::AsyncBufRead + Unpin)) -> std::io::Result<Option<Vec<String>>> {
    let Some(words) = number(read, '*').await? else { return Ok(None) };
    let (mut command, mut left) = (Vec::new(), MAX_COMMAND);
    for _ in 0..words {
        let Some(length) = number(read, '$').await? else { return Ok(None) };
        let Some(rest) = left.checked_sub(length) else { return Ok(None) };
        left = rest;
        let mut word = vec![0; length + 2];
        read.read_exact(&mut word).await?;
        word.truncate(length);
        command.push(String::from_utf8_lossy(&word).into_owned());
    }
    Ok(Some(command))
}

async fn number(read: &mut (impl tokio::io::AsyncBufRead + Unpin), mark: char) -> std::io::Result<Option<usize>> {
    let mut line = String::new();
    read.take(MAX_LINE).read_line(&mut line).await?;
    // Without its end it is not the whole of it.
    let whole = line.strip_suffix('\n').map(str::trim_end);
    Ok(whole.and_then(|line| line.strip_prefix(mark)).and_then(|n| n.parse().ok()).filter(|n| *n <= MAX))
}

pub(super) fn simple(text: &str) -> Vec<u8> {
    format!("+{text}\r\n").into_bytes()
}

pub(super) fn error(text: &str) -> Vec<u8> {
    format!("-{text}\r\n").into_bytes()
}

pub(super) fn integer(value: i64) -> Vec<u8> {
    format!(":{value}\r\n").into_bytes()
}

pub(super) fn bulk(text: &str) -> Vec<u8> {
    format!("${}\r\n{text}\r\n", text.len()).into_bytes()
}

pub(super) fn null() -> Vec<u8> {
    b"$-1\r\n".to_vec()
}

pub(super) fn array(items: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", items.len()).into_bytes();
    for item in items {
        bytes.extend_from_slice(item);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn told(bytes: &[u8]) -> Option<Vec<String>> {
        let mut rest = bytes;
        command(&mut rest).await.expect("no fault of the connection")
    }

    #[tokio::test]
    async fn a_command_has_bounds() {
        assert_eq!(told(b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n").await, Some(vec!["GET".to_owned(), "k".to_owned()]));
        let word = [b"$65536\r\n", vec![b'x'; MAX].as_slice(), b"\r\n"].concat();
        let words = |count: usize| [format!("*{count}\r\n").into_bytes(), word.repeat(count)].concat();
        assert_eq!(told(&words(16)).await.map(|words| words.len()), Some(16));
        assert_eq!(told(&words(17)).await, None, "more than a command may hold");
        let digits = [b"*".as_slice(), &vec![b'0'; 1 << 20], b"1\r\n$1\r\nk\r\n"].concat();
        assert_eq!(told(&digits).await, None, "a line without end");
    }
}
