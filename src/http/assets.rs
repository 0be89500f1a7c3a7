//! Addresses of the static files, with the hash of their contents: `STYLE`, `SCRIPT`, `ICON`, `TYPE`.

include!(concat!(env!("OUT_DIR"), "/assets.rs"));
