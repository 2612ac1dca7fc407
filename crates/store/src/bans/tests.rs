//! Bans set, found, lifted, crowded out, written down and restored.

use super::*;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn ban(key: &str, site: Option<&str>, until: i64) -> Ban {
    Ban {
        key: BanKey::parse(key).unwrap(),
        site: site.map(SmolStr::new),
        since: at(0),
        until: at(until),
        grows_to: None,
        event: None,
        reason: "walked ids".into(),
        by: "rule:walker".into(),
    }
}

fn finds(book: &BanBook, site: Option<&str>, client: &str, now: i64) -> Option<String> {
    let ip: IpAddr = client.parse().unwrap();
    book.find(site, &CallerKey::address(ip), ip, at(now)).map(|ban| ban.key.to_string())
}

#[test]
fn a_ban_holds_for_its_key_its_site_and_its_time() {
    let book = BanBook::new(1000);
    assert_eq!(finds(&book, Some("shop"), "203.0.113.9", 1), None);
    book.set(ban("203.0.113.9", Some("shop"), 10));
    book.set(ban("2001:db8:1:2::5", None, 10));
    for (site, client, now, found) in [
        (Some("shop"), "203.0.113.9", 9, Some("ip:203.0.113.9")),
        (Some("shop"), "203.0.113.9", 10, None),
        (Some("other"), "203.0.113.9", 9, None),
        (None, "203.0.113.9", 9, None),
        (Some("shop"), "203.0.113.8", 9, None),
        (None, "2001:db8:1:2:ffff::1", 9, Some("ip:2001:db8:1:2::/64")),
        (Some("any"), "2001:db8:1:3::1", 9, None),
    ] {
        assert_eq!(finds(&book, site, client, now).as_deref(), found, "{site:?} {client} {now}");
    }
}

#[test]
fn a_network_ban_refuses_every_address_in_it_and_the_longest_prefix_speaks() {
    let book = BanBook::new(1000);
    book.set(ban("203.0.113.0/24", None, 10));
    book.set(ban("203.0.113.128/25", None, 10));
    book.set(ban("2001:db8::/32", None, 10));
    assert_eq!(finds(&book, None, "203.0.113.1", 1).as_deref(), Some("net:203.0.113.0/24"));
    assert_eq!(finds(&book, None, "203.0.113.200", 1).as_deref(), Some("net:203.0.113.128/25"));
    assert_eq!(finds(&book, None, "::ffff:203.0.113.1", 1).as_deref(), Some("net:203.0.113.0/24"));
    assert_eq!(finds(&book, None, "2001:db8:9::1", 1).as_deref(), Some("net:2001:db8::/32"));
    assert_eq!(finds(&book, None, "198.51.100.1", 1), None);
    assert!(book.lift(&BanKey::parse("203.0.113.128/25").unwrap(), None));
    assert_eq!(finds(&book, None, "203.0.113.200", 1).as_deref(), Some("net:203.0.113.0/24"));
}

#[test]
fn the_later_end_holds_and_lifting_ends_it() {
    let book = BanBook::new(1000);
    book.set(ban("203.0.113.9", None, 100));
    book.set(ban("203.0.113.9", None, 20));
    assert!(finds(&book, None, "203.0.113.9", 50).is_some());
    let key = BanKey::parse("203.0.113.9").unwrap();
    assert!(!book.lift(&key, Some("shop")));
    assert!(book.lift(&key, None));
    assert!(!book.lift(&key, None));
    assert_eq!(finds(&book, None, "203.0.113.9", 50), None);
    assert_eq!(book.held.load(Ordering::Relaxed), 0, "an empty book short-cuts look-ups again");
}

#[test]
fn bans_survive_a_restart_until_they_end() {
    let book = BanBook::new(1000);
    let before = book.revision();
    book.set(ban("identity:partners/acme", Some("shop"), 100));
    book.set(ban("203.0.113.0/24", None, 100));
    book.set(ban("203.0.113.9", None, 10));
    assert!(book.revision() > before);
    let saved = book.snapshot(at(1));

    let after = BanBook::new(1000);
    assert_eq!(after.restore(&saved, at(50)).unwrap(), 2);
    assert_eq!(after.list(at(50)), book.list(at(50)));
    assert!(matches!(after.restore("{", at(50)), Err(RestoreError::Unreadable(_))));
    let newer = r#"{"version": 2, "bans": []}"#;
    assert!(matches!(after.restore(newer, at(50)), Err(RestoreError::Version(2))));
}

#[test]
fn the_book_is_bounded_and_ended_bans_give_way_first() {
    let book = BanBook::new(SHARDS * 4);
    for n in 0..1000_u32 {
        book.set(ban(&std::net::Ipv4Addr::from(0x0a00_0000 + n).to_string(), None, i64::from(n) + 1));
    }
    let held = book.list(at(0)).len();
    assert!(held <= SHARDS * 4, "{held}");
    assert_eq!(book.held.load(Ordering::Relaxed), held);
    assert_eq!(book.evicted(), 1000 - held as u64);
    assert!(book.list(at(0)).iter().all(|ban| ban.until > at(500)), "the ones that end first went");
    assert_eq!(book.sweep(at(1001)), held);
    assert_eq!(book.held.load(Ordering::Relaxed), 0);
}

#[test]
fn a_ban_lifted_by_hand_is_not_set_again_for_a_day_by_what_set_it() {
    let day = 24 * 3600;
    let by = |who: &str, since: i64| Ban {
        since: at(since),
        until: at(since + 100),
        by: who.into(),
        ..ban("203.0.113.9", Some("shop"), 0)
    };
    let book = BanBook::new(1000);
    book.set(by("limit:logins", 0));
    let key = BanKey::parse("203.0.113.9").unwrap();
    assert!(!book.pardon(&key, None, at(5)), "there is none for every site");
    assert!(book.pardon(&key, Some("shop"), at(5)));
    let restarted = BanBook::new(1000);
    restarted.restore(&book.snapshot(at(6)), at(6)).unwrap();
    for book in [&book, &restarted] {
        book.set(by("limit:logins", 10));
        assert_eq!(finds(book, Some("shop"), "203.0.113.9", 11), None);
        for (who, since) in [("limit:other", 20), ("command line", 200), ("limit:logins", 5 + day)] {
            book.set(by(who, since));
            assert!(finds(book, Some("shop"), "203.0.113.9", since).is_some(), "{who} {since}");
        }
    }
}

#[test]
fn what_a_person_set_and_lifted_can_be_set_again() {
    let book = BanBook::new(1000);
    let set = Ban { by: "command line".into(), ..ban("203.0.113.9", None, 100) };
    book.set(set.clone());
    assert!(book.pardon(&set.key, None, at(1)));
    assert!(!book.set(set.clone()), "told late by another node, which had not heard");
    book.set(Ban { since: at(2), ..set });
    assert!(finds(&book, None, "203.0.113.9", 2).is_some());
}

#[test]
fn a_credential_is_taken_back_until_it_is_given_back() {
    let book = BanBook::new(1000);
    let token = Credential::Token("5f1c".into());
    assert!(book.revocation(Some("shop"), &token, at(1)).is_none());
    book.set(Ban { by: "command line".into(), ..ban("token:5f1c", None, 10) });
    let restarted = BanBook::new(1000);
    restarted.restore(&book.snapshot(at(1)), at(1)).unwrap();
    for book in [&book, &restarted] {
        assert!(book.revocation(Some("shop"), &token, at(9)).is_some());
        assert!(book.revocation(Some("shop"), &token, at(10)).is_none());
        assert!(book.revocation(None, &Credential::Key("5f1c".into()), at(9)).is_none());
        assert!(book.pardon(&BanKey::Credential(token.clone()), None, at(2)));
        assert!(book.revocation(Some("shop"), &token, at(9)).is_none());
        assert_eq!(book.held.load(Ordering::Relaxed), 0);
    }
}

#[test]
fn who_is_banned_again_is_banned_for_twice_as_long_up_to_the_end() {
    let again = |since: i64| Ban {
        since: at(since),
        until: at(since + 10),
        grows_to: Some(at(since + 100)),
        by: "limit:logins".into(),
        ..ban("203.0.113.9", Some("shop"), 0)
    };
    let book = BanBook::new(1000);
    let mut ends = 0;
    for lasts in [10, 20, 40, 80, 100, 100] {
        let grown = book.grown(again(ends));
        assert_eq!(grown.until, at(ends + lasts), "from {ends}");
        assert!(book.set(grown));
        let meanwhile = book.grown(again(ends + 1));
        assert!(!book.set(meanwhile), "set again while it holds, it does not grow");
        ends += lasts;
    }
    let restarted = BanBook::new(1000);
    restarted.restore(&book.snapshot(at(ends)), at(ends)).unwrap();
    for book in [&book, &restarted] {
        assert_eq!(book.grown(again(ends)).until, at(ends + 100));
        assert_eq!(book.grown(again(ends + 100)).until, at(ends + 110), "long ago");
        let other = Ban { by: "limit:other".into(), ..again(ends) };
        assert_eq!(book.grown(other).until, at(ends + 10), "for something else");
    }
    book.pardon(&again(0).key, Some("shop"), at(ends - 1));
    assert_eq!(book.grown(again(ends)).until, at(ends + 10), "it was wrong");
}

#[test]
fn what_is_banned_by_a_tag_is_found_by_it_alone() {
    let tagged = |tag: &str, until: i64| Ban {
        key: BanKey::parse(tag).unwrap(),
        site: Some("shop".into()),
        ..ban("203.0.113.9", None, until)
    };
    let book = BanBook::new(1000);
    assert_eq!(book.tag_prefixes(), None);
    for tag in ["ja4:a", "ja4:b", "session:sid/0a"] {
        assert!(book.set(tagged(tag, 100)), "{tag}");
    }
    assert_eq!(book.tag_prefixes().unwrap()[..], ["ja4:", "session:sid/"]);
    assert!(book.tagged(Some("shop"), "ja4:a", at(99)).is_some());
    assert!(book.tagged(Some("other"), "ja4:a", at(99)).is_none(), "at that site alone");
    assert!(book.tagged(Some("shop"), "ja4:a", at(100)).is_none(), "it has ended");
    let restarted = BanBook::new(1000);
    assert_eq!(restarted.restore(&book.snapshot(at(1)), at(1)).unwrap(), 3);
    assert!(restarted.tagged(Some("shop"), "session:sid/0a", at(1)).is_some());
    assert!(book.pardon(&tagged("session:sid/0a", 0).key, Some("shop"), at(1)));
    assert_eq!(book.tag_prefixes().unwrap()[..], ["ja4:"]);
    assert_eq!((book.sweep(at(200)), book.tag_prefixes()), (2, None));
}
