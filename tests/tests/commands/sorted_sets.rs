//! Sorted sets.

use std::ops::Bound::{self, Excluded, Included, Unbounded};
use std::time::Duration;

use redis_ipc::Connection;
use redis_ipc::commands::{AddOptions, Combine};

use super::{in_both_protocols, text, texts};

fn scored(pairs: &[(&str, f64)]) -> Vec<(Vec<u8>, f64)> {
    pairs
        .iter()
        .map(|(member, score)| (text(member), *score))
        .collect()
}

fn fill(server: &mut Connection) {
    let members = [(1.0, "a"), (2.5, "b"), (4.0, "c"), (f64::INFINITY, "d")];
    assert_eq!(server.zadd("z", &members).unwrap(), 4);
}

#[test]
fn members_have_scores_and_places() {
    in_both_protocols(|server| {
        fill(server);
        assert_eq!(server.zadd("z", &[(3.0, "b")]).unwrap(), 0);
        assert_eq!(server.zscore("z", "b").unwrap(), Some(3.0));
        assert_eq!(server.zscore("z", "d").unwrap(), Some(f64::INFINITY));
        assert_eq!(server.zscore("z", "x").unwrap(), None);
        assert_eq!(server.zmscore("z", &["a", "x"]).unwrap(), [Some(1.0), None]);
        assert_eq!(server.zincr_by("z", -0.5, "b").unwrap(), 2.5);
        assert_eq!(server.zrank("z", "b").unwrap(), Some(1));
        assert_eq!(server.zrevrank("z", "b").unwrap(), Some(2));
        assert_eq!(server.zrank("z", "x").unwrap(), None);
        assert_eq!(server.zcard("z").unwrap(), 4);
        assert_eq!(server.zrandmember("z", 9).unwrap().len(), 4);
        assert_eq!(server.zrem("z", &["a", "x"]).unwrap(), 1);
    });
}

#[test]
fn members_are_added_under_conditions() {
    in_both_protocols(|server| {
        fill(server);
        let mut add = |options: AddOptions, members: &[(f64, &str)]| {
            server
                .zadd_with("z", &options.count_changed(), members)
                .unwrap()
        };
        assert_eq!(
            add(AddOptions::new().if_absent(), &[(9.0, "a"), (9.0, "n")]),
            1
        );
        assert_eq!(
            add(AddOptions::new().if_present(), &[(8.0, "n"), (8.0, "m")]),
            1
        );
        assert_eq!(
            add(AddOptions::new().if_greater(), &[(7.0, "n"), (2.0, "a")]),
            1
        );
        assert_eq!(
            add(AddOptions::new().if_less(), &[(7.0, "n"), (3.0, "a")]),
            1
        );
        assert_eq!(
            server.zmscore("z", &["a", "n", "m"]).unwrap(),
            [Some(2.0), Some(7.0), None]
        );
    });
}

#[test]
fn ranges_of_places_and_of_scores_are_read() {
    in_both_protocols(|server| {
        fill(server);
        assert_eq!(server.zrange("z", 0, 1).unwrap(), texts(&["a", "b"]));
        assert_eq!(server.zrevrange("z", 0, 1).unwrap(), texts(&["d", "c"]));
        let ends = server.zrange_with_scores("z", 1, -2).unwrap();
        assert_eq!(ends, scored(&[("b", 2.5), ("c", 4.0)]));
        let ends = server.zrevrange_with_scores("z", 0, 0).unwrap();
        assert_eq!(ends, scored(&[("d", f64::INFINITY)]));
        assert_eq!(server.zcount("z", ..).unwrap(), 4);
        assert_eq!(server.zcount("z", 2.5..).unwrap(), 3);
        assert_eq!(server.zcount("z", 1.0..2.5).unwrap(), 1);
        assert_eq!(server.zcount("z", 1.0..=2.5).unwrap(), 2);
        assert_eq!(
            server.zcount("z", (Excluded(1.0), Excluded(4.0))).unwrap(),
            1
        );
        let by_score = server.zrange_by_score("z", 2.0.., Some((1, 1)));
        assert_eq!(by_score.unwrap(), texts(&["c"]));
        let down = server.zrevrange_by_score("z", ..4.0, None).unwrap();
        assert_eq!(down, texts(&["b", "a"]));
        let with = server.zrange_by_score_with_scores("z", ..=2.5, Some((0, 9)));
        assert_eq!(with.unwrap(), scored(&[("a", 1.0), ("b", 2.5)]));
    });
}

#[test]
fn ranges_of_texts_are_read() {
    in_both_protocols(|server| {
        server
            .zadd("z", &[(0.0, "a"), (0.0, "b"), (0.0, "c")])
            .unwrap();
        let from: Bound<&[u8]> = Excluded(b"a");
        let all = (Unbounded, Unbounded);
        assert_eq!(server.zlexcount("z", all).unwrap(), 3);
        let behind = server.zrange_by_lex("z", (from, Unbounded), None).unwrap();
        assert_eq!(behind, texts(&["b", "c"]));
        let one = server.zrange_by_lex("z", (Unbounded, Included(b"b")), Some((1, 1)));
        assert_eq!(one.unwrap(), texts(&["b"]));
        assert_eq!(server.zremrange_by_lex("z", (from, Unbounded)).unwrap(), 2);
        assert_eq!(server.zrange("z", 0, -1).unwrap(), texts(&["a"]));
    });
}

#[test]
fn members_are_taken_and_removed() {
    in_both_protocols(|server| {
        fill(server);
        assert_eq!(server.zpopmin("z", 1).unwrap(), scored(&[("a", 1.0)]));
        let highest = scored(&[("d", f64::INFINITY), ("c", 4.0)]);
        assert_eq!(server.zpopmax("z", 2).unwrap(), highest);
        let soon = Some(Duration::from_millis(5));
        let taken = server.bzpopmin(&["none", "z"], soon).unwrap();
        assert_eq!(taken, Some((text("z"), text("b"), 2.5)));
        assert_eq!(server.bzpopmax(&["z"], soon).unwrap(), None);
        assert_eq!(server.zpopmin("z", 3).unwrap(), scored(&[]));
        fill(server);
        assert_eq!(server.zremrange_by_rank("z", 0, 0).unwrap(), 1);
        assert_eq!(server.zremrange_by_score("z", 4.0..).unwrap(), 2);
        assert_eq!(server.zrange("z", 0, -1).unwrap(), texts(&["b"]));
    });
}

#[test]
fn sorted_sets_are_combined() {
    in_both_protocols(|server| {
        server.zadd("x", &[(1.0, "a"), (2.0, "b")]).unwrap();
        server.zadd("y", &[(10.0, "b"), (20.0, "c")]).unwrap();
        let both = ["x", "y"];
        let sum = server.zunion(&both, &Combine::sum()).unwrap();
        assert_eq!(sum, scored(&[("a", 1.0), ("b", 12.0), ("c", 20.0)]));
        let inter = server.zinter(&both, &Combine::lowest()).unwrap();
        assert_eq!(inter, scored(&[("b", 2.0)]));
        let weighted = Combine::highest().weights(&[100.0, 1.0]);
        assert_eq!(
            server.zinter(&both, &weighted).unwrap(),
            scored(&[("b", 200.0)])
        );
        assert_eq!(server.zdiff(&both).unwrap(), scored(&[("a", 1.0)]));
        assert_eq!(server.zunionstore("u", &both, &weighted).unwrap(), 3);
        assert_eq!(server.zinterstore("i", &both, &Combine::sum()).unwrap(), 1);
        assert_eq!(server.zdiffstore("d", &both).unwrap(), 1);
        assert_eq!(server.zscore("u", "a").unwrap(), Some(100.0));
    });
}
