//! `PackStream` 1: the values of Bolt. Numbers, texts, lists and maps; nothing else is needed here.

use serde_json::{Map, Number, Value};

/// Values within values: more than any client sends.
const MAX_DEPTH: u32 = 64;

/// Appends a value.
pub(super) fn pack(value: &Value, bytes: &mut Vec<u8>) {
    match value {
        Value::Null => bytes.push(0xC0),
        Value::Bool(false) => bytes.push(0xC2),
        Value::Bool(true) => bytes.push(0xC3),
        Value::Number(number) => match number.as_i64() {
            Some(small @ -16..=127) => bytes.push(small as u8),
            Some(integer) => {
                bytes.push(0xCB);
                bytes.extend_from_slice(&integer.to_be_bytes());
            }
            None => {
                bytes.push(0xC1);
                bytes.extend_from_slice(&number.as_f64().unwrap_or(f64::NAN).to_be_bytes());
            }
        },
        Value::String(text) => {
            sized(text.len(), 0x80, 0xD0, bytes);
            bytes.extend_from_slice(text.as_bytes());
        }
        Value::Array(items) => {
            sized(items.len(), 0x90, 0xD4, bytes);
            for item in items {
                pack(item, bytes);
            }
        }
        Value::Object(fields) => {
            sized(fields.len(), 0xA0, 0xD8, bytes);
            for (key, value) in fields {
                sized(key.len(), 0x80, 0xD0, bytes);
                bytes.extend_from_slice(key.as_bytes());
                pack(value, bytes);
            }
        }
    }
}

/// A structure: what a message is.
pub(super) fn structure(signature: u8, fields: &[Value]) -> Vec<u8> {
    let mut bytes = vec![0xB0 | fields.len() as u8, signature];
    for field in fields {
        pack(field, &mut bytes);
    }
    bytes
}

/// The marker of something with a size: up to 15 in the marker, else in one, two or four bytes after it.
fn sized(size: usize, tiny: u8, wide: u8, bytes: &mut Vec<u8>) {
    match size {
        0..=15 => bytes.push(tiny | size as u8),
        16..=0xFF => bytes.extend_from_slice(&[wide, size as u8]),
        0x100..=0xFFFF => {
            bytes.push(wide + 1);
            bytes.extend_from_slice(&(size as u16).to_be_bytes());
        }
        _ => {
            bytes.push(wide + 2);
            bytes.extend_from_slice(&(size as u32).to_be_bytes());
        }
    }
}

/// Takes a value from the front; `None` = it is none of those above, or deeper than anybody needs.
pub(super) fn unpack(bytes: &mut &[u8]) -> Option<Value> {
    within(MAX_DEPTH, bytes)
}

fn within(depth: u32, bytes: &mut &[u8]) -> Option<Value> {
    let inner = depth.checked_sub(1)?;
    let marker = take(bytes, 1)?[0];
    Some(match marker {
        0x00..=0x7F => Value::from(marker),
        0xF0..=0xFF => Value::from(marker as i8),
        0xC0 => Value::Null,
        0xC1 => {
            let float = f64::from_be_bytes(take(bytes, 8)?.try_into().ok()?);
            Number::from_f64(float).map_or(Value::Null, Value::Number)
        }
        0xC2 => Value::Bool(false),
        0xC3 => Value::Bool(true),
        0xC8 => Value::from(take(bytes, 1)?[0] as i8),
        0xC9 => Value::from(i16::from_be_bytes(take(bytes, 2)?.try_into().ok()?)),
        0xCA => Value::from(i32::from_be_bytes(take(bytes, 4)?.try_into().ok()?)),
        0xCB => Value::from(i64::from_be_bytes(take(bytes, 8)?.try_into().ok()?)),
        0x80..=0x8F | 0xD0..=0xD2 => Value::String(text(marker, bytes)?),
        0x90..=0x9F | 0xD4..=0xD6 => {
            let count = size(marker, 0x90, 0xD4, bytes)?;
            Value::Array((0..count).map(|_| within(inner, bytes)).collect::<Option<_>>()?)
        }
        0xA0..=0xAF | 0xD8..=0xDA => {
            let count = size(marker, 0xA0, 0xD8, bytes)?;
            let mut fields = Map::new();
            for _ in 0..count {
                let marker = take(bytes, 1)?[0];
                let key = text(marker, bytes)?;
                fields.insert(key, within(inner, bytes)?);
            }
            Value::Object(fields)
        }
        _ => return None,
    })
}

fn text(marker: u8, bytes: &mut &[u8]) -> Option<String> {
    let length = size(marker, 0x80, 0xD0, bytes)?;
    String::from_utf8(take(bytes, length)?.to_vec()).ok()
}

fn size(marker: u8, tiny: u8, wide: u8, bytes: &mut &[u8]) -> Option<usize> {
    Some(match marker {
        _ if marker & 0xF0 == tiny => usize::from(marker & 0x0F),
        _ if marker == wide => usize::from(take(bytes, 1)?[0]),
        _ if marker == wide + 1 => usize::from(u16::from_be_bytes(take(bytes, 2)?.try_into().ok()?)),
        _ if marker == wide + 2 => u32::from_be_bytes(take(bytes, 4)?.try_into().ok()?) as usize,
        _ => return None,
    })
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (front, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(front)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_go_there_and_back() {
        let value = json!({
            "small": 7, "negative": -3, "large": 1_795_329_984_637_i64, "float": 0.25, "none": null, "yes": true,
            "list": [1, "two", [3]], "long": "x".repeat(300), "many": (0..70_000).collect::<Vec<_>>(),
        });
        let mut bytes = Vec::new();
        pack(&value, &mut bytes);
        assert_eq!(unpack(&mut bytes.as_slice()), Some(value));
        assert_eq!(unpack(&mut &bytes[..bytes.len() - 1]), None, "a value that is cut short is none");
    }
    #[test]
    fn values_without_end_are_none() {
        // A list of one, a million times over.
        assert_eq!(unpack(&mut vec![0x91; 1 << 20].as_slice()), None);
        let deep = |depth: usize| [vec![0x91; depth], vec![7]].concat();
        assert!(unpack(&mut deep(60).as_slice()).is_some());
        assert_eq!(unpack(&mut deep(64).as_slice()), None);
    }
}
