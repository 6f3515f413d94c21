//! Bits, estimates and places on the earth.

use redis_ipc::commands::{BitOp, GeoSearch, Position, Unit};

use super::{in_both_protocols, text, texts};

#[test]
fn bits_are_set_counted_found_and_combined() {
    in_both_protocols(|server| {
        assert!(!server.setbit("b", 9, true).unwrap());
        assert!(server.setbit("b", 9, true).unwrap());
        assert!(server.getbit("b", 9).unwrap() && !server.getbit("b", 1000).unwrap());
        assert_eq!(server.get("b").unwrap(), Some(vec![0, 0x40]));
        assert_eq!(server.bitcount("b").unwrap(), 1);
        assert_eq!(server.bitcount_in("b", 0, 0).unwrap(), 0);
        assert_eq!(server.bitpos("b", true).unwrap(), Some(9));
        assert_eq!(server.bitpos("none", true).unwrap(), None);
        server.set("x", [0b1100]).unwrap();
        server.set("y", [0b1010]).unwrap();
        for (operation, expected) in [
            (BitOp::And, 0b1000),
            (BitOp::Or, 0b1110),
            (BitOp::Xor, 0b0110),
        ] {
            assert_eq!(server.bitop(operation, "z", &["x", "y"]).unwrap(), 1);
            assert_eq!(server.get("z").unwrap(), Some(vec![expected]));
        }
        server.bitop(BitOp::Not, "z", &["x"]).unwrap();
        assert_eq!(server.get("z").unwrap(), Some(vec![0b1111_0011]));
    });
}

#[test]
fn different_elements_are_counted_about_right() {
    in_both_protocols(|server| {
        assert!(server.pfadd("h", &["a", "b", "c"]).unwrap());
        assert!(!server.pfadd("h", &["a"]).unwrap());
        server.pfadd("i", &["c", "d"]).unwrap();
        assert_eq!(server.pfcount(&["h"]).unwrap(), 3);
        assert_eq!(server.pfcount(&["h", "i"]).unwrap(), 4);
        server.pfmerge("all", &["h", "i"]).unwrap();
        assert_eq!(server.pfcount(&["all"]).unwrap(), 4);
    });
}

const PALERMO: Position = Position {
    longitude: 13.361_389,
    latitude: 38.115_556,
};
const CATANIA: Position = Position {
    longitude: 15.087_269,
    latitude: 37.502_669,
};

#[test]
fn places_are_kept_measured_and_found() {
    in_both_protocols(|server| {
        let places = [(PALERMO, "Palermo"), (CATANIA, "Catania")];
        assert_eq!(server.geoadd("sicily", &places).unwrap(), 2);
        let positions = server.geopos("sicily", &["Palermo", "Rome"]).unwrap();
        let palermo = positions[0].unwrap();
        assert!((palermo.longitude - PALERMO.longitude).abs() < 1e-5);
        assert!((palermo.latitude - PALERMO.latitude).abs() < 1e-5);
        assert_eq!(positions[1], None);
        // The distance that the documentation of GEODIST has for them.
        let kilometres = server.geodist("sicily", "Palermo", "Catania", Unit::Kilometres);
        assert!((kilometres.unwrap().unwrap() - 166.2742).abs() < 1e-3);
        let none = server.geodist("sicily", "Palermo", "Rome", Unit::Feet);
        assert_eq!(none.unwrap(), None);
        let hashes = server.geohash("sicily", &["Palermo", "Rome"]).unwrap();
        assert_eq!(hashes, [Some("sqc8b49rny0".to_owned()), None]);
    });
}

#[test]
fn areas_are_round_or_not() {
    in_both_protocols(|server| {
        let places = [(PALERMO, "Palermo"), (CATANIA, "Catania")];
        server.geoadd("sicily", &places).unwrap();
        let middle = Position {
            longitude: 15.0,
            latitude: 37.0,
        };
        let round = GeoSearch::around_position(middle).circle(200.0, Unit::Kilometres);
        let near = server.geosearch("sicily", &round.clone().nearest_first());
        assert_eq!(near.unwrap(), texts(&["Catania", "Palermo"]));
        let far = round.clone().farthest_first();
        let far = server.geosearch_with_distances("sicily", &far).unwrap();
        assert_eq!(far[0].0, text("Palermo"));
        assert!((far[0].1 - 190.4424).abs() < 1e-2 && far[1].1 < far[0].1);
        let one = server.geosearch("sicily", &round.count(1)).unwrap();
        assert_eq!(one, texts(&["Catania"]));
        let lone = GeoSearch::around_member("Palermo").rectangle(10.0, 10.0, Unit::Miles);
        assert_eq!(server.geosearchstore("lone", "sicily", &lone).unwrap(), 1);
        assert_eq!(server.zcard("lone").unwrap(), 1);
    });
}
