//! Documents of many formats, in bytes, to pieces of text that retrieval can return: [`extract`] reads a file into blocks in
//! reading order, [`chunk`] cuts these. Reads no files and no network, starts no process, and knows nothing of desks,
//! collections and storing.

pub mod extract;
pub mod chunk;
