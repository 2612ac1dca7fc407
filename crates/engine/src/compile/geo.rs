//! The databases of countries and networks' operators.

use portcullis_document::Problem;
use portcullis_policy::FileRef;

use crate::geo::{Database, Databases};

use super::Work;

pub(super) fn compile(work: &mut Work<'_>) -> Databases {
    let geo = &work.policy.geo;
    let country = geo.country.as_ref().and_then(|file| open(work, file));
    let asn = geo.asn.as_ref().and_then(|file| open(work, file));
    Databases { country, asn }
}

fn open(work: &mut Work<'_>, file: &FileRef) -> Option<Database> {
    let bytes = work.bytes(file)?;
    let parsed = Database::parse(bytes);
    parsed
        .map_err(|why| {
            let message = format!("`{}` is no database in MaxMind's format: {why}", file.path);
            let problem = Problem::error("engine.bad_geo", message).at(&file.place);
            work.problems.push(problem.remedy("name a file that ends in `.mmdb`, whole and unpacked"));
        })
        .ok()
}
