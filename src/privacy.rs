//! Masking of secrets: before journal, span, feed, log or dead letter.
//! Takes: text or a JSON body as it came. Gives: the same with secrets replaced and prompts dropped where asked.
//! Never: lets a body pass that it could not look through.
