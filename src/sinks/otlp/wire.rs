//! The protobuf wire format, as far as spans need it: sizes first, then bytes, without an intermediate message.
//! Takes: field numbers and values. Gives: exactly the bytes a generated encoder writes. Never: allocates beyond its buffer.

use crate::model::{Attribute, AttributeValue};

/// A length-delimited field.
const LEN: u32 = 2;
/// An eight-byte field.
const FIXED64: u32 = 1;

/// Bytes `value` takes as a varint.
pub(super) const fn varint_len(value: u64) -> usize {
    ((64 - (value | 1).leading_zeros()) as usize).div_ceil(7)
}

/// Writes `value` as a varint.
pub(super) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Bytes of a length-delimited field whose content has `len` bytes. Field numbers here are all below 16: one byte.
pub(super) const fn field_len(len: usize) -> usize {
    1 + varint_len(len as u64) + len
}

/// Begins a length-delimited field.
pub(super) fn open(out: &mut Vec<u8>, field: u32, len: usize) {
    out.push((field << 3 | LEN) as u8);
    varint(out, len as u64);
}

/// Writes a length-delimited field.
pub(super) fn bytes(out: &mut Vec<u8>, field: u32, content: &[u8]) {
    open(out, field, content.len());
    out.extend_from_slice(content);
}

/// Bytes of a text that is left out when empty.
pub(super) const fn text_len(text: &str) -> usize {
    if text.is_empty() { 0 } else { field_len(text.len()) }
}

/// Writes a text, nothing when it is empty.
pub(super) fn text(out: &mut Vec<u8>, field: u32, text: &str) {
    if !text.is_empty() {
        bytes(out, field, text.as_bytes());
    }
}

/// Bytes of an eight-byte number that is left out when zero.
pub(super) const fn fixed64_len(value: u64) -> usize {
    if value == 0 { 0 } else { 9 }
}

/// Writes an eight-byte number, nothing when it is zero.
pub(super) fn fixed64(out: &mut Vec<u8>, field: u32, value: u64) {
    if value != 0 {
        out.push((field << 3 | FIXED64) as u8);
        out.extend_from_slice(&value.to_le_bytes());
    }
}

/// Writes a varint field, nothing when it is zero.
pub(super) fn number(out: &mut Vec<u8>, field: u32, value: u64) {
    if value != 0 {
        out.push((field << 3) as u8);
        varint(out, value);
    }
}

/// Bytes of an `AnyValue`. The variant is always written, even when it holds a default: that is what says its type.
fn value_len(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::Text(text) => field_len(text.len()),
        AttributeValue::Bool(_) => 2,
        AttributeValue::Int(n) => 1 + varint_len(*n as u64),
        AttributeValue::Float(_) => 9,
        AttributeValue::Texts(texts) => field_len(texts_len(texts)),
    }
}

fn texts_len(texts: &[crate::model::Text]) -> usize {
    texts.iter().map(|t| field_len(field_len(t.len()))).sum()
}

fn any_value(out: &mut Vec<u8>, value: &AttributeValue) {
    match value {
        AttributeValue::Text(text) => bytes(out, 1, text.as_bytes()),
        AttributeValue::Bool(on) => out.extend_from_slice(&[2 << 3, u8::from(*on)]),
        AttributeValue::Int(n) => {
            out.push(3 << 3);
            varint(out, *n as u64);
        }
        AttributeValue::Float(n) => {
            out.push((4 << 3 | FIXED64) as u8);
            out.extend_from_slice(&n.to_le_bytes());
        }
        AttributeValue::Texts(texts) => {
            open(out, 5, texts_len(texts));
            for text in texts {
                open(out, 1, field_len(text.len()));
                bytes(out, 1, text.as_bytes());
            }
        }
    }
}

fn attribute_len(attribute: &Attribute) -> usize {
    text_len(&attribute.key) + field_len(value_len(&attribute.value))
}

/// Bytes of repeated `KeyValue` fields.
pub(super) fn attributes_len(attributes: &[Attribute]) -> usize {
    attributes.iter().map(|a| field_len(attribute_len(a))).sum()
}

/// Writes repeated `KeyValue` fields.
pub(super) fn attributes(out: &mut Vec<u8>, field: u32, attributes: &[Attribute]) {
    for attribute in attributes {
        open(out, field, attribute_len(attribute));
        text(out, 1, &attribute.key);
        open(out, 2, value_len(&attribute.value));
        any_value(out, &attribute.value);
    }
}
