//! Makes seeds of the corpora: `seeds FOLDER` writes those of each property to a folder of its name there.

#![allow(clippy::expect_used, reason = "a chore for people, which stops with the reason")]

use std::fs;
use std::path::PathBuf;

use portcullis_properties::corpora;

fn main() {
    let from =
        PathBuf::from(std::env::var_os("PORTCULLIS_CORPORA").expect("PORTCULLIS_CORPORA names the corpora"));
    let to = PathBuf::from(std::env::args_os().nth(1).expect("a folder to write to"));
    for property in corpora::SEEDED {
        let folder = to.join(property);
        fs::create_dir_all(&folder).expect("a folder for seeds");
        for (index, seed) in corpora::seeds(property, &from).iter().enumerate() {
            fs::write(folder.join(format!("corpus-{index}")), seed).expect("room for a seed");
        }
    }
}
