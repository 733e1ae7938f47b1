//! The protocol of Neo4j (Bolt 4.x), as far as a server that answers reads needs it.
//! Formats: Bolt protocol 4.4 messages, `PackStream` 1.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::pack::{structure, unpack};
use super::{Systems, graph};

const MAGIC: [u8; 4] = [0x60, 0x60, 0xB0, 0x17];
/// 4.4, what today's drivers and servers have in common.
const VERSION: [u8; 4] = [0, 0, 4, 4];
/// Longest message taken.
const MAX: usize = 1 << 20;

const HELLO: u8 = 0x01;
const GOODBYE: u8 = 0x02;
const RUN: u8 = 0x10;
const DISCARD: u8 = 0x2F;
const PULL: u8 = 0x3F;
const SUCCESS: u8 = 0x70;
const RECORD: u8 = 0x71;
const FAILURE: u8 = 0x7F;

/// Listens on a free port of the loopback.
pub(super) async fn start(systems: Arc<Systems>) -> std::io::Result<SocketAddr> {
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

async fn serve(mut stream: TcpStream, systems: &Systems) -> std::io::Result<()> {
    let mut offered = [0; 20];
    stream.read_exact(&mut offered).await?;
    if offered[..4] != MAGIC {
        return Ok(());
    }
    stream.write_all(&VERSION).await?;
    let mut rows: Vec<Vec<Value>> = Vec::new();
    while let Some((signature, fields)) = message(&mut stream).await? {
        let mut answers = Vec::new();
        match signature {
            GOODBYE => return Ok(()),
            HELLO => answers.push(structure(
                SUCCESS,
                &[json!({ "server": "Neo4j/5.26.0", "connection_id": "bolt-1", "hints": {} })],
            )),
            RUN => {
                let query = fields.first().and_then(Value::as_str).unwrap_or_default();
                let empty = Value::Object(Map::new());
                match graph::answer(&mut systems.0.lock().graph, query, fields.get(1).unwrap_or(&empty)) {
                    Some(found) => {
                        answers.push(structure(SUCCESS, &[json!({ "fields": found.fields, "t_first": 1 })]));
                        rows = found.rows;
                    }
                    None => answers.push(structure(
                        FAILURE,
                        &[json!({
                            "code": "Neo.ClientError.Statement.SyntaxError",
                            "message": format!("the simulated graph does not know this query: {query}"),
                        })],
                    )),
                }
            }
            PULL => {
                answers.extend(rows.drain(..).map(|row| structure(RECORD, &[Value::Array(row)])));
                answers
                    .push(structure(SUCCESS, &[json!({ "has_more": false, "type": "r", "db": "neo4j", "t_last": 1 })]));
            }
            DISCARD => {
                rows.clear();
                answers.push(structure(SUCCESS, &[json!({ "has_more": false })]));
            }
            // BEGIN, COMMIT, ROLLBACK, RESET.
            _ => answers.push(structure(SUCCESS, &[json!({})])),
        }
        for answer in answers {
            stream.write_all(&chunked(&answer)).await?;
        }
    }
    Ok(())
}

/// A message in chunks, with the empty one at its end.
fn chunked(message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(message.len() + 8);
    for chunk in message.chunks(0xFFFF) {
        bytes.extend_from_slice(&(chunk.len() as u16).to_be_bytes());
        bytes.extend_from_slice(chunk);
    }
    bytes.extend_from_slice(&[0, 0]);
    bytes
}

/// The next message: its signature and fields. `None` = the client is gone, or speaks something else.
async fn message(stream: &mut TcpStream) -> std::io::Result<Option<(u8, Vec<Value>)>> {
    let mut message = Vec::new();
    loop {
        let mut length = [0; 2];
        if stream.read_exact(&mut length).await.is_err() {
            return Ok(None);
        }
        let length = usize::from(u16::from_be_bytes(length));
        if length == 0 {
            // An empty message keeps a connection open.
            if message.is_empty() {
                continue;
            }
            break;
        }
        let from = message.len();
        if from + length > MAX {
            return Ok(None);
        }
        message.resize(from + length, 0);
        stream.read_exact(&mut message[from..]).await?;
    }
    let (Some(marker), Some(signature)) = (message.first(), message.get(1)) else { return Ok(None) };
    let mut rest = &message[2..];
    let mut fields = Vec::new();
    for _ in 0..marker & 0x0F {
        let Some(field) = unpack(&mut rest) else { return Ok(None) };
        fields.push(field);
    }
    Ok(Some((*signature, fields)))
}
