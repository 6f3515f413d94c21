//! Places on the earth.

use redis_ipc_core::resp::Reply;
use redis_ipc_core::write::Writer;

use super::arguments::{Argument, Each, Words};
use super::sorted_set_types::Member;
use crate::connection::Connection;
use crate::error::Error;
use crate::from_reply::FromReply;

impl Connection {
    /// Adds places, or moves them: GEOADD. Says how many are new ones.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn geoadd(
        &mut self,
        key: impl AsRef<[u8]>,
        places: &[(Position, impl AsRef<[u8]>)],
    ) -> Result<u64, Error> {
        self.run("GEOADD", (key.as_ref(), Places(places)))
    }

    /// Where places are: GEOPOS.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn geopos(
        &mut self,
        key: impl AsRef<[u8]>,
        members: &[impl AsRef<[u8]>],
    ) -> Result<Vec<Option<Position>>, Error> {
        self.read("GEOPOS", (key.as_ref(), Each(members)))
    }

    /// How far two places are apart: GEODIST. `None` if one of them is not there.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn geodist(
        &mut self,
        key: impl AsRef<[u8]>,
        one: impl AsRef<[u8]>,
        other: impl AsRef<[u8]>,
        unit: Unit,
    ) -> Result<Option<f64>, Error> {
        self.read(
            "GEODIST",
            (key.as_ref(), one.as_ref(), other.as_ref(), unit.word()),
        )
    }

    /// The places as Geohashes of eleven letters: GEOHASH.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn geohash(
        &mut self,
        key: impl AsRef<[u8]>,
        members: &[impl AsRef<[u8]>],
    ) -> Result<Vec<Option<String>>, Error> {
        self.read("GEOHASH", (key.as_ref(), Each(members)))
    }

    /// The places in an area: GEOSEARCH.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn geosearch(
        &mut self,
        key: impl AsRef<[u8]>,
        search: &GeoSearch,
    ) -> Result<Vec<Vec<u8>>, Error> {
        self.read("GEOSEARCH", (key.as_ref(), search))
    }

    /// As [`geosearch`](Self::geosearch), with how far they are from its middle, in the search's
    /// unit.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn geosearch_with_distances(
        &mut self,
        key: impl AsRef<[u8]>,
        search: &GeoSearch,
    ) -> Result<Vec<Member>, Error> {
        self.read("GEOSEARCH", (key.as_ref(), search, "WITHDIST"))
    }

    /// Keeps the places in an area under another key: GEOSEARCHSTORE. Says how many.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn geosearchstore(
        &mut self,
        to: impl AsRef<[u8]>,
        from: impl AsRef<[u8]>,
        search: &GeoSearch,
    ) -> Result<u64, Error> {
        self.run("GEOSEARCHSTORE", (to.as_ref(), from.as_ref(), search))
    }
}

/// A point on the earth, in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Position {
    /// East of Greenwich, -180 to 180.
    pub longitude: f64,
    /// North of the equator, -85.05112878 to 85.05112878.
    pub latitude: f64,
}

impl FromReply for Position {
    fn from_reply(reply: &Reply<'_>) -> Option<Self> {
        let (longitude, latitude) = FromReply::from_reply(reply)?;
        Some(Self {
            longitude,
            latitude,
        })
    }
}

/// What distances are given in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Metres.
    Metres,
    /// Kilometres.
    Kilometres,
    /// Miles, of 1609.34 m.
    Miles,
    /// Feet, of 0.3048 m.
    Feet,
}

impl Unit {
    fn word(self) -> &'static str {
        match self {
            Self::Metres => "m",
            Self::Kilometres => "km",
            Self::Miles => "mi",
            Self::Feet => "ft",
        }
    }
}

struct Places<'a, A>(&'a [(Position, A)]);

impl<A: AsRef<[u8]>> Argument for Places<'_, A> {
    fn count(&self) -> usize {
        3 * self.0.len()
    }

    fn write(&self, w: &mut Writer<'_>) {
        for (position, member) in self.0 {
            (position.longitude, position.latitude).write(w);
            member.as_ref().write(w);
        }
    }
}

/// An area around a middle.
///
/// ```
/// use redis_ipc::commands::{GeoSearch, Unit};
///
/// let near = GeoSearch::around_member("home").circle(5.0, Unit::Kilometres).nearest_first();
/// assert_ne!(near, GeoSearch::around_member("home").circle(5.0, Unit::Miles));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct GeoSearch {
    middle: Middle,
    shape: Shape,
    order: Option<&'static str>,
    count: Option<u64>,
}

#[derive(Debug, Clone, PartialEq)]
enum Middle {
    Member(Vec<u8>),
    Position(Position),
}

#[derive(Debug, Clone, PartialEq)]
enum Shape {
    Circle(f64, Unit),
    Rectangle(f64, f64, Unit),
}

impl GeoSearch {
    /// Around a place that is among them; by default within a kilometre.
    pub fn around_member(member: impl Into<Vec<u8>>) -> Self {
        Self::around(Middle::Member(member.into()))
    }

    /// Around any point; by default within a kilometre.
    pub fn around_position(position: Position) -> Self {
        Self::around(Middle::Position(position))
    }

    fn around(middle: Middle) -> Self {
        Self {
            middle,
            shape: Shape::Circle(1.0, Unit::Kilometres),
            order: None,
            count: None,
        }
    }

    /// Within a radius.
    pub fn circle(mut self, radius: f64, unit: Unit) -> Self {
        self.shape = Shape::Circle(radius, unit);
        self
    }

    /// Within a rectangle of which the point is the middle.
    pub fn rectangle(mut self, width: f64, height: f64, unit: Unit) -> Self {
        self.shape = Shape::Rectangle(width, height, unit);
        self
    }

    /// In the order of their distance from the middle.
    pub fn nearest_first(mut self) -> Self {
        self.order = Some("ASC");
        self
    }

    /// In the other order.
    pub fn farthest_first(mut self) -> Self {
        self.order = Some("DESC");
        self
    }

    /// At most so many, the nearest ones.
    pub fn count(mut self, count: u64) -> Self {
        self.count = Some(count);
        self
    }
}

impl Words for GeoSearch {
    fn words(&self) -> impl Argument {
        let (member, position) = match &self.middle {
            Middle::Member(member) => (Some(("FROMMEMBER", member.as_slice())), None),
            Middle::Position(at) => (None, Some(("FROMLONLAT", at.longitude, at.latitude))),
        };
        let (circle, rectangle) = match self.shape {
            Shape::Circle(radius, unit) => (Some(("BYRADIUS", radius, unit.word())), None),
            Shape::Rectangle(width, height, unit) => {
                (None, Some(("BYBOX", width, height, unit.word())))
            }
        };
        let count = self.count.map(|count| ("COUNT", count));
        (member, position, circle, rectangle, self.order, count)
    }
}
