//! Turns documents of many formats into chunks of text for retrieval: [`extract`] reads a file's
//! bytes into blocks in reading order, [`chunk`] splits them. Reads no files and no network, starts
//! no process, and knows nothing of desks, collections or storage.

pub mod extract;
pub mod chunk;
