//! `cargo xtask bench discovery`: how much of real documents' operations is learned from traffic made from them.
//!
//! The documents are divided by a hash of their names into a half the rules may be tuned on and a half they are not;
//! the traffic's values are drawn by this program, not by the documents. Nothing is learned from the documents
//! themselves.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    missing_docs,
    reason = "a program that measures and prints; it is not part of the product"
)]

mod document;
mod draw;
mod score;
mod told;
mod traffic;
mod values;

use std::time::Instant;

use document::Document;
use draw::Draw;
use portcullis_inventory::{Fold, Inventory, Limits};
use score::Score;
use traffic::Bodies;

fn main() {
    let mut wanted = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let (mut each, mut misses, mut seed) = (vec![25, 5], String::new(), 1);
    while let (Some(option), Some(value)) = (wanted.next(), wanted.next()) {
        match option.as_str() {
            "--each" => each = vec![value.parse().expect("a number of requests")],
            "--seed" => seed = value.parse().expect("a number"),
            _ => misses = value,
        }
    }
    let Ok(corpora) = std::env::var("PORTCULLIS_CORPORA") else {
        println!("PORTCULLIS_CORPORA names the folder that holds openapi/");
        return;
    };
    let mut documents = read(&format!("{corpora}/openapi"));
    // Whoever looks at one document's misses waits for no other.
    documents.retain(|document| document.name.contains(&misses));
    for each in each {
        for bodies in [Bodies::Tell, Bodies::Silent, Bodies::Unread] {
            measure(&documents, each, seed, bodies, &misses);
        }
    }
}

fn read(folder: &str) -> Vec<Document> {
    let files = std::fs::read_dir(folder).expect("the corpora hold openapi/").flatten();
    let mut names: Vec<String> = files
        .map(|file| file.file_name().to_string_lossy().into_owned())
        .filter(|name| name.strip_suffix(".json").is_some())
        .collect();
    names.sort();
    let read = |name: &String| std::fs::read_to_string(format!("{folder}/{name}")).expect("it can be read");
    names.iter().map(|name| Document::read(name.trim_end_matches(".json"), &read(name))).collect()
}

fn measure(documents: &[Document], each: usize, seed: u64, bodies: Bodies, misses: &str) {
    let said = match bodies {
        Bodies::Tell => "words of paths recur in bodies",
        Bodies::Silent => "nothing recurs in bodies",
        Bodies::Unread => "answers are not read",
    };
    println!("\n{each} requests a template; {said}\n");
    println!("| document | templates | exact | literals | kept | merged wrongly | found / true |");
    println!("|---|---:|---:|---:|---:|---:|---:|");
    let mut halves = [Score::default(), Score::default()];
    let (mut folded, mut seconds) = (0, 0.0);
    for document in documents {
        let exchanges = traffic::generate(document, each, seed, bodies);
        let began = Instant::now();
        let mut fold = Fold::new("bench", 7, Limits::default());
        for exchange in &exchanges {
            fold.fold(&exchange.observation);
        }
        seconds += began.elapsed().as_secs_f64();
        folded += exchanges.len();
        let inventory = Inventory::of(&fold, None);
        let score = Score::of(document, &exchanges, &inventory);
        println!("{}", score.row(&document.name));
        let held_out = Draw::named(3, &document.name).next() % 2;
        // What is held out stays unseen.
        if document.name.contains(misses) && !misses.is_empty() && held_out == 0 {
            score.tell();
        }
        halves[held_out as usize].add(&score);
    }
    let mut all = Score::default();
    for (half, name) in halves.iter().zip(["**tuned on**", "**held out**"]) {
        println!("{}", half.row(name));
        all.add(half);
    }
    println!("{}", all.row("**all**"));
    println!("\n{:.0} observations folded a second", folded as f64 / seconds);
}
