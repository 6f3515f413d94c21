//! Both ends on simulated time, over a line that does what it likes.
#![expect(
    clippy::cast_possible_truncation,
    reason = "any byte of a number does for a test"
)]

use std::vec::Vec;

use super::frame::{Head, Kind};
use super::ring::Ring;
use super::wire::Wire;
use super::{Board, Buffers, Gateway, MAX_FRAME, MAX_PAYLOAD, Milliseconds, cobs, crc::crc32};
use crate::STRIDE;

const PAUSE: Milliseconds = 100;

/// An interpreter takes a thousand times as long.
const THOROUGHNESS: usize = if cfg!(miri) { 1 } else { 1000 };

/// The bytes on the line of one frame, put together here by the picture alone.
fn frame(head: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut bytes = [&[0], head, payload].concat();
    let sum = crc32(&bytes[1..]);
    bytes.extend(sum.to_le_bytes());
    cobs::encode(&mut bytes);
    bytes.insert(0, 0);
    bytes.push(0);
    bytes
}

/// A generator that gives the same numbers in every run (xorshift64, by Marsaglia).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % limit
    }

    /// What arrives of `bytes` over a line on which one byte in `rarity` is lost, repeated or
    /// flipped; `usize::MAX` for a good line.
    fn spoil(&mut self, bytes: &[u8], rarity: usize) -> Vec<u8> {
        let mut arrived = Vec::new();
        for byte in bytes {
            if rarity == usize::MAX || self.below(rarity) != 0 {
                arrived.push(*byte);
                continue;
            }
            match self.below(3) {
                0 => {}
                1 => arrived.extend([*byte, *byte]),
                _ => arrived.push(*byte ^ (1 << self.below(8))),
            }
        }
        arrived
    }
}

/// A board, a gateway and the line between.
struct Simulation<'b> {
    board: Board<'b>,
    gateway: Gateway<'b>,
    now: Milliseconds,
    random: Random,
    rarity: usize,
    /// The next session.
    session: u32,
    /// Everything that was sent, to be sent again.
    up: Vec<Vec<u8>>,
    down: Vec<Vec<u8>>,
    began: usize,
}

impl<'b> Simulation<'b> {
    fn new(
        on_board: &'b mut Buffers<256, 256>,
        at_host: &'b mut Buffers<512, 512>,
        seed: u64,
        rarity: usize,
    ) -> Self {
        Self {
            board: Board::new(on_board, 7, PAUSE),
            gateway: Gateway::new(at_host, PAUSE),
            now: u32::MAX - 5000,
            random: Random(seed * 2 + 1),
            rarity,
            session: 1000,
            up: Vec::new(),
            down: Vec::new(),
            began: 0,
        }
    }

    /// What both have to say now goes over the line, and time goes on; says whether anything went.
    fn turn(&mut self) -> bool {
        let said = self.board.outgoing(self.now).to_vec();
        self.board.sent(said.len());
        let arrived = self.random.spoil(&said, self.rarity);
        self.hear(&arrived);
        let answered = self.gateway.outgoing(self.now).to_vec();
        self.gateway.sent(answered.len());
        let arrived = self.random.spoil(&answered, self.rarity);
        self.board.receive(&arrived);
        let went = !said.is_empty() || !answered.is_empty();
        self.up.extend((!said.is_empty()).then_some(said));
        self.down.extend((!answered.is_empty()).then_some(answered));
        self.now = self.now.wrapping_add(5);
        went
    }

    /// The gateway takes what arrived, as its program would.
    fn hear(&mut self, mut arrived: &[u8]) {
        while !arrived.is_empty() {
            let taken = self.gateway.receive(arrived);
            arrived = &arrived[taken..];
            self.began += usize::from(self.gateway.has_changed());
        }
        if self.gateway.is_asked() {
            self.session += 1;
            self.gateway.accept(self.session);
        }
    }

    fn open(&mut self) {
        let before = self.began;
        for _ in 0..100_000 {
            self.turn();
            if self.began > before && self.board.is_open() {
                return;
            }
        }
        panic!("no session");
    }
}

/// A stream that says where one is in it.
fn text(of: u8, length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| of.wrapping_add((at * at / 7) as u8))
        .collect()
}

/// One that is long, for an interpreter too.
fn long(of: u8, length: usize) -> Vec<u8> {
    text(of, length / STRIDE.min(10))
}

/// Sends both texts at once; checks that they arrive as they are.
fn exchange(simulation: &mut Simulation<'_>, up: &[u8], down: &[u8]) {
    let (mut up_left, mut down_left) = (up, down);
    let (mut came_up, mut came_down) = (Vec::new(), Vec::new());
    for _ in 0..200_000 {
        let sent = simulation.board.write(up_left);
        up_left = &up_left[sent..];
        let sent = simulation.gateway.write(down_left);
        down_left = &down_left[sent..];
        simulation.turn();
        // Readers that do not always read, and never all.
        let mut room = [0; 100];
        let some = simulation.random.below(100);
        let count = simulation.gateway.read(&mut room[..some]);
        came_up.extend(&room[..count]);
        let count = simulation.board.read(&mut room[..some]);
        came_down.extend(&room[..count]);
        assert!(up.starts_with(&came_up) && down.starts_with(&came_down));
        if came_up.len() == up.len() && came_down.len() == down.len() {
            return;
        }
    }
    panic!(
        "only {} of {} and {} of {} bytes came",
        came_up.len(),
        up.len(),
        came_down.len(),
        down.len()
    );
}

/// Each kind with its bytes; the bytes were made by another program (Python's zlib and struct).
const GOLDEN: [(&[u8], Head, &[u8]); 5] = [
    (
        b"\x00\x03\x11\x07\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x06\x01\x16\xdd\x808\x00",
        head(Kind::Open, 7, 0, 0, 256),
        b"",
    ),
    (
        b"\x00\x07\x12\x44\x33\x22\x11\x07\x01\x01\x01\x01\x01\x01\x01\x06\x02\x0b\xf0\x31\x4e\x00",
        head(Kind::Accept, 0x1122_3344, 7, 0, 512),
        b"",
    ),
    (
        b"\x00\x07\x13\x44\x33\x22\x11\x05\x01\x01\x02\x03\x01\x01\x01\x0c\x01PING\r\n\
          \x74\x41\xa6\xfd\x00",
        head(Kind::Data, 0x1122_3344, 5, 3, 256),
        b"PING\r\n",
    ),
    (
        b"\x00\x07\x14\x44\x33\x22\x11\x0b\x01\x01\x01\x01\x01\x03\x01\xfa\x05\x5b\xc6\x68\x77\x00",
        head(Kind::Acknowledgement, 0x1122_3344, 11, 0x0100_0000, 250),
        b"",
    ),
    (
        b"\x00\x06\x15\x44\x33\x22\x11\x01\x01\x01\x01\x01\x01\x01\x01\x06\x02\x68\xe4\xec\x37\x00",
        head(Kind::Close, 0x1122_3344, 0, 0, 512),
        b"",
    ),
];

const fn head(kind: Kind, session: u32, at: u32, acknowledged: u32, room: u16) -> Head {
    Head {
        kind,
        session,
        at,
        acknowledged,
        room,
    }
}

/// What a wire makes of bytes.
fn read(bytes: &[u8]) -> Vec<(Head, Vec<u8>)> {
    let (mut arriving, mut leaving) = ([0; MAX_FRAME], [0; MAX_FRAME]);
    let mut wire = Wire::new(&mut arriving, &mut leaving);
    let mut frames = Vec::new();
    for byte in bytes {
        if let Some((head, payload)) = wire.take(*byte) {
            frames.push((head, payload.to_vec()));
        }
    }
    frames
}

#[test]
fn every_kind_of_frame_is_its_golden_bytes_both_ways() {
    for (bytes, head, payload) in GOLDEN {
        assert_eq!(read(bytes), [(head, payload.to_vec())]);
        let mut stream = payload.to_vec();
        let mut ring = Ring::new(&mut stream);
        ring.put(payload);
        let (mut arriving, mut leaving) = ([0; MAX_FRAME], [0; MAX_FRAME]);
        let mut wire = Wire::new(&mut arriving, &mut leaving);
        wire.put(&head, &ring, 0, payload.len());
        let shown = wire.outgoing().escape_ascii();
        assert_eq!(wire.outgoing(), bytes, "{shown}");
    }
}

#[test]
fn the_longest_frame_has_the_length_that_is_promised() {
    let mut stream = [0xA5; MAX_PAYLOAD];
    let mut ring = Ring::new(&mut stream);
    ring.put(&[0; MAX_PAYLOAD]);
    let (mut arriving, mut leaving) = ([0; MAX_FRAME], [0; MAX_FRAME]);
    let mut wire = Wire::new(&mut arriving, &mut leaving);
    let head = head(Kind::Data, u32::MAX, u32::MAX, u32::MAX, u16::MAX);
    wire.put(&head, &ring, 0, MAX_PAYLOAD);
    assert_eq!(wire.outgoing().len(), MAX_FRAME);
    assert_eq!(read(wire.outgoing()), [(head, [0; MAX_PAYLOAD].to_vec())]);
}

#[test]
fn a_frame_with_one_byte_changed_lost_or_added_is_dropped_and_the_next_one_is_not() {
    for (bytes, head, payload) in GOLDEN {
        let next = [(head, payload.to_vec())];
        // The zeros around it are not the frame's: the neighbours have them too.
        for at in (1..bytes.len() - 1).step_by(STRIDE.min(7)) {
            let mut lost = bytes.to_vec();
            lost.remove(at);
            let mut spoilt = std::vec![lost];
            for byte in (0..=255).step_by(STRIDE) {
                if byte != bytes[at] {
                    let mut changed = bytes.to_vec();
                    changed[at] = byte;
                    spoilt.push(changed);
                }
                let mut longer = bytes.to_vec();
                longer.insert(at, byte);
                spoilt.push(longer);
            }
            for mut spoilt in spoilt {
                // A zero put in at the ends of a frame is no damage.
                if read(&spoilt) == next {
                    let whole = spoilt.windows(bytes.len()).any(|part| part == bytes);
                    assert!(whole, "{}", spoilt.escape_ascii());
                    continue;
                }
                spoilt.extend(bytes);
                assert_eq!(read(&spoilt), next, "{}", spoilt.escape_ascii());
            }
        }
    }
}

#[test]
fn noise_of_any_length_between_frames_costs_no_frame() {
    let (bytes, head, payload) = GOLDEN[2];
    for length in (0..3 * MAX_FRAME).step_by(STRIDE) {
        let noise: Vec<u8> = (0..length).map(|at| (at % 255) as u8 + 1).collect();
        let line = [bytes, &noise, bytes].concat();
        assert_eq!(read(&line).len(), 2, "{length}");
        assert_eq!(read(&line)[1], (head, payload.to_vec()));
    }
}

#[test]
fn streams_arrive_as_they_were_sent_over_a_good_line() {
    let (mut on_board, mut at_host) = (Buffers::new(), Buffers::new());
    let mut simulation = Simulation::new(&mut on_board, &mut at_host, 1, usize::MAX);
    simulation.open();
    exchange(&mut simulation, &long(1, 5000), &long(2, 7000));
    let again = simulation.board.count();
    assert_eq!(again.damaged, 0);
}

#[test]
fn streams_arrive_as_they_were_sent_over_a_line_that_loses_repeats_and_flips() {
    for seed in 0..1 + THOROUGHNESS as u64 / 50 {
        for rarity in [40, 150, 1000].into_iter().step_by(STRIDE) {
            let (mut on_board, mut at_host) = (Buffers::new(), Buffers::new());
            let mut simulation = Simulation::new(&mut on_board, &mut at_host, seed, rarity);
            simulation.open();
            exchange(&mut simulation, &long(3, 1500), &long(4, 2000));
            assert!(rarity > 150 || simulation.gateway.count().damaged > 0);
            assert_eq!(simulation.began, 1, "a session does not end by noise");
        }
    }
}

/// All that is on the line comes again behind each new frame.
#[test]
fn old_frames_that_come_again_at_any_time_change_nothing() {
    let (mut on_board, mut at_host) = (Buffers::new(), Buffers::new());
    let mut simulation = Simulation::new(&mut on_board, &mut at_host, 5, usize::MAX);
    let (mut expected_up, mut expected_down) = (Vec::new(), Vec::new());
    for round in 0..4 {
        simulation.open();
        let (mut up, mut down) = (Vec::new(), Vec::new());
        for step in (0..40_u8).step_by(STRIDE.min(40)) {
            let (to_host, to_board) = (text(step, 9), text(step ^ round, 11));
            assert_eq!(simulation.board.write(&to_host), 9);
            assert_eq!(simulation.gateway.write(&to_board), 11);
            up.extend(to_host);
            down.extend(to_board);
            while simulation.turn() {}
            for old in simulation.up.clone() {
                simulation.hear(&old);
            }
            for old in &simulation.down {
                simulation.board.receive(old);
            }
            while simulation.turn() {}
            let mut room = [0; 256];
            let count = simulation.gateway.read(&mut room);
            expected_up.extend(&room[..count]);
            let count = simulation.board.read(&mut room);
            expected_down.extend(&room[..count]);
            assert_eq!(simulation.began, usize::from(round) + 1);
        }
        assert_eq!((&expected_up, &expected_down), (&up, &down));
        expected_up.clear();
        expected_down.clear();
        simulation.board.hang_up();
    }
}

/// A reset at every step of a session, with the nonce that it had before and with another one: the
/// gateway has to hear of it, and neither may hear a byte of the former streams.
#[test]
fn a_board_that_is_reset_anywhere_gets_streams_of_its_own() {
    for nonce in [7, 8] {
        for steps in (0..60).step_by(STRIDE.min(23)) {
            let mut rooms = (Buffers::new(), Buffers::new(), Buffers::<256, 256>::new());
            let mut simulation = Simulation::new(&mut rooms.0, &mut rooms.1, 9, usize::MAX);
            for step in 0..steps {
                simulation.board.write(&[b'o'; 20]);
                simulation.gateway.write(&[b'o'; 20]);
                simulation.turn();
                if step % 3 == 0 {
                    simulation.board.read(&mut [0; 15]);
                    simulation.gateway.read(&mut [0; 15]);
                }
            }
            simulation.board = Board::new(&mut rooms.2, nonce, PAUSE);
            simulation.open();
            exchange(&mut simulation, &long(5, 900), &long(6, 900));
        }
    }
}

#[test]
fn a_gateway_that_is_started_anew_anywhere_gets_streams_of_its_own() {
    for steps in (0..60).step_by(STRIDE.min(23)) {
        let mut rooms = (Buffers::new(), Buffers::new(), Buffers::<512, 512>::new());
        let mut simulation = Simulation::new(&mut rooms.0, &mut rooms.1, 11, usize::MAX);
        for step in 0..steps {
            simulation.board.write(&[b'o'; 20]);
            simulation.gateway.write(&[b'o'; 20]);
            simulation.turn();
            if step % 3 == 0 {
                simulation.board.read(&mut [0; 15]);
                simulation.gateway.read(&mut [0; 15]);
            }
        }
        let was_open = simulation.board.is_open();
        simulation.board.has_changed();
        simulation.gateway = Gateway::new(&mut rooms.2, PAUSE);
        // It hears of the loss when it has something to say.
        simulation.board.write(b"o");
        simulation.open();
        assert!(simulation.board.has_changed() || !was_open);
        exchange(&mut simulation, &long(5, 900), &long(6, 900));
    }
}

#[test]
fn a_gateway_that_ends_the_session_is_asked_for_another_one() {
    let (mut on_board, mut at_host) = (Buffers::new(), Buffers::new());
    let mut simulation = Simulation::new(&mut on_board, &mut at_host, 1, 30);
    for round in (0..20).step_by(STRIDE.min(7)) {
        simulation.open();
        exchange(&mut simulation, &long(round, 200), &long(round, 200));
        simulation.gateway.write(b"never read");
        simulation.gateway.close();
        simulation.board.write(b"never read");
    }
}

/// The board listens only; the frame by which it takes the session up is lost.
#[test]
fn a_session_begins_although_its_first_frames_are_lost() {
    let (mut on_board, mut at_host) = (Buffers::new(), Buffers::new());
    let mut simulation = Simulation::new(&mut on_board, &mut at_host, 1, usize::MAX);
    simulation.turn();
    assert!(simulation.board.is_open() && !simulation.gateway.is_open());
    let lost = simulation.board.outgoing(simulation.now).len();
    assert!(lost > 0);
    simulation.board.sent(lost);
    simulation.open();
    exchange(&mut simulation, b"", b"hello");
}

#[test]
fn who_is_not_read_from_stops_sending_and_goes_on_when_he_is() {
    let (mut on_board, mut at_host) = (Buffers::new(), Buffers::new());
    let mut simulation = Simulation::new(&mut on_board, &mut at_host, 1, usize::MAX);
    simulation.open();
    let down = text(9, 700);
    let mut written = 0;
    for _ in 0..1000 {
        written += simulation.gateway.write(&down[written..]);
        simulation.turn();
    }
    // What the board has room for, and no more than that, has gone.
    assert_eq!(simulation.board.readable(), 256);
    assert_eq!(simulation.gateway.unacknowledged(), written - 256);
    // The word that there is room again is lost.
    let mut came = std::vec![0; 256];
    assert_eq!(simulation.board.read(&mut came), 256);
    let lost = simulation.board.outgoing(simulation.now).len();
    assert!(lost > 0);
    simulation.board.sent(lost);
    for _ in 0..1000 {
        written += simulation.gateway.write(&down[written..]);
        simulation.turn();
        let mut room = [0; 50];
        let count = simulation.board.read(&mut room);
        came.extend(&room[..count]);
    }
    assert_eq!(came, down);
}

#[test]
fn two_that_have_nothing_to_say_say_nothing() {
    let (mut on_board, mut at_host) = (Buffers::new(), Buffers::new());
    let mut simulation = Simulation::new(&mut on_board, &mut at_host, 1, usize::MAX);
    simulation.open();
    exchange(&mut simulation, b"a", b"b");
    for _ in 0..5 {
        simulation.turn();
    }
    for _ in 0..10_000 / STRIDE {
        assert!(!simulation.turn());
    }
}

#[test]
fn a_board_without_a_gateway_calls_less_and_less_often() {
    let mut buffers = Buffers::<64, 64>::new();
    let mut board = Board::new(&mut buffers, 1, PAUSE);
    let mut calls = Vec::new();
    for now in 0..4000 {
        let count = board.outgoing(now).len();
        board.sent(count);
        if count > 0 {
            calls.push(now);
        }
    }
    assert_eq!(
        calls,
        [
            0, 100, 300, 700, 1100, 1500, 1900, 2300, 2700, 3100, 3500, 3900
        ]
    );
}

/// The numbers of bytes begin anew after 4 GiB.
#[test]
fn bytes_are_counted_on_past_the_last_number() {
    let (mut first, mut second) = (Buffers::<256, 256>::new(), Buffers::<512, 512>::new());
    let (_, mut here) = first.parts();
    let (_, mut there) = second.parts();
    here.begin(512);
    there.begin(256);
    here.count_from(u32::MAX - 100, 5);
    there.count_from(5, u32::MAX - 100);
    let up = text(1, 1000);
    let (mut left, mut came) = (&up[..], Vec::<u8>::new());
    let mut now = 0;
    while came.len() < up.len() {
        let put = here.to_send.put(left);
        left = &left[put..];
        for upwards in [true, false] {
            let (from, to) = match upwards {
                true => (&mut here, &mut there),
                false => (&mut there, &mut here),
            };
            for turn in 0..3 {
                let Some(due) = from.next(now, PAUSE) else {
                    break;
                };
                let mut payload = std::vec![0; due.length];
                from.to_send.copy(due.from, &mut payload);
                // Every third frame is lost.
                if turn != 1 {
                    to.take(&due.head, &payload);
                }
            }
            let mut room = [0; 300];
            let count = to.read(&mut room);
            came.extend(&room[..count]);
        }
        now += 50;
        assert!(now < 100_000);
    }
    assert_eq!(came, up);
}

#[test]
fn any_bytes_at_all_do_no_harm() {
    let mut random = Random(77);
    let (mut on_board, mut at_host) = (Buffers::new(), Buffers::new());
    let mut simulation = Simulation::new(&mut on_board, &mut at_host, 1, usize::MAX);
    for _ in 0..20 * THOROUGHNESS {
        let noise: Vec<u8> = (0..random.below(40))
            .map(|_| random.below(256) as u8)
            .collect();
        simulation.board.receive(&noise);
        simulation.hear(&noise);
    }
    simulation.open();
    exchange(&mut simulation, b"up", b"down");
}

/// Right frames of any content: a peer that is wrong, or means harm.
#[test]
fn frames_of_any_content_do_no_harm() {
    let mut random = Random(78);
    let (mut on_board, mut at_host) = (Buffers::new(), Buffers::new());
    let mut simulation = Simulation::new(&mut on_board, &mut at_host, 1, usize::MAX);
    simulation.open();
    let numbers = [0, 1, 7, 8, 256, 1000, 1001, 1002, u32::MAX - 1, u32::MAX];
    for _ in 0..30 * THOROUGHNESS {
        let kinds = [
            Kind::Open,
            Kind::Accept,
            Kind::Data,
            Kind::Acknowledgement,
            Kind::Close,
        ];
        let mut number = || numbers[random.below(numbers.len())];
        let (session, at, acknowledged) = (number(), number(), number());
        let room = number() as u16;
        let kind = kinds[random.below(5)];
        let head = head(kind, session, at, acknowledged, room);
        let payload = text(1, random.below(MAX_PAYLOAD));
        let bytes = frame(&head.emit(), &payload);
        simulation.board.receive(&bytes);
        simulation.hear(&bytes);
        simulation.board.write(b"x");
        simulation.gateway.write(b"y");
        simulation.turn();
        if random.below(10) == 0 {
            simulation.board.read(&mut [0; 100]);
            simulation.gateway.read(&mut [0; 100]);
        }
    }
    simulation.board.hang_up();
    simulation.open();
    exchange(&mut simulation, b"up", b"down");
}

/// All that a board says in a session, in one piece and cut at every place.
#[test]
fn what_arrives_may_be_cut_anywhere() {
    let open = frame(&head(Kind::Open, 7, 0, 0, 256).emit(), b"");
    let said = [b"PING\r\n".to_vec(), text(1, 100), text(2, MAX_PAYLOAD)];
    let (mut line, mut at) = (Vec::new(), 0);
    for payload in &said {
        let data = head(Kind::Data, 9, at, 0, 256);
        line.extend(frame(&data.emit(), payload));
        at += payload.len() as u32;
    }
    for cut in (0..=line.len()).step_by(STRIDE) {
        let mut buffers = Buffers::<512, 512>::new();
        let mut gateway = Gateway::new(&mut buffers, PAUSE);
        assert_eq!(gateway.receive(&open), open.len());
        gateway.accept(9);
        let mut sessions = 0;
        for mut piece in [&line[..cut], &line[cut..]] {
            while !piece.is_empty() {
                let taken = gateway.receive(piece);
                piece = &piece[taken..];
                sessions += usize::from(gateway.has_changed());
            }
        }
        assert_eq!(sessions, 1);
        let mut room = [0; 512];
        let count = gateway.read(&mut room);
        assert_eq!(room[..count], said.concat());
    }
}
