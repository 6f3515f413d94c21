//! Which requests are for keys on their way to hosts that join, and how those are taken apart.

use super::client::Client;
use super::error_reply;
use super::hub::Hub;
use super::joined::Joined;
use super::through::{Look, Through};
use super::upstream::write_request;
use crate::router::commands::Refusal;
use crate::router::split::{self, Parts};

/// Pops that take the first item of several keys, their timeout behind those.
const POPS: [&str; 4] = ["BLPOP", "BRPOP", "BZPOPMIN", "BZPOPMAX"];

impl Hub {
    /// Takes a request some of whose keys move. `None` if none of them does, `Some(false)` if it
    /// has to wait until what the client asked for before is answered.
    pub(super) fn take_moving(&mut self, client: &mut Client, words: &[&[u8]]) -> Option<bool> {
        self.growing.as_ref()?;
        // What is wrong with it is told where nothing moves, too.
        let reads = self.table.command(words).ok()?.flags.readonly;
        let keys: Vec<usize> = split::keys(&self.table, words).ok()?.collect();
        if !self.any_moves(keys.iter().map(|at| words[*at])) {
            return None;
        }
        if !client.is_idle() {
            return Some(false);
        }
        let is_pop = POPS
            .iter()
            .any(|pop| words[0].eq_ignore_ascii_case(pop.as_bytes()));
        let mut through = Through::new(words, reads, is_pop && keys.len() > 1);
        if let [at] = keys[..] {
            through.looks.push_back(Look::whole(words[at], words));
        } else if is_pop {
            let keys = keys.iter().map(|at| words[*at]);
            let look = |key| Look::whole(key, &[words[0], key, b"0"]);
            through.looks = keys.map(look).collect();
        } else if let Some(parts) = Parts::of_each_key(&self.layout, words) {
            self.look_in_parts(client, &mut through, &parts, words);
        } else {
            let name = String::from_utf8_lossy(words[0]).to_uppercase();
            client.answer_now(&error_reply(&Refusal::Moving(name).to_string()));
            return Some(true);
        }
        client.through = Some(Box::new(through));
        self.look_at_next(client);
        Some(true)
    }

    /// Has the keys that stay done with at once, and the others looked for.
    fn look_in_parts(
        &mut self,
        client: &mut Client,
        through: &mut Through,
        parts: &Parts,
        words: &[&[u8]],
    ) {
        let bytes = words.iter().map(|word| word.len()).sum();
        let request = client.ask_in_parts(bytes, Joined::new(parts, client.protocol));
        through.request = Some(request);
        for (part, own) in (0..).zip(&parts.parts) {
            let own = parts.words(own, words);
            let mut frame = Vec::new();
            write_request(&mut frame, &own);
            let look = Look {
                key: own[1].to_vec(),
                frame,
                part: Some(part),
            };
            match self.old_host_of(own[1]) {
                Some(_) => through.looks.push_back(look),
                None => self.ask_new_place(client, request, part, &look),
            }
        }
    }
}

impl Look {
    fn whole(key: &[u8], words: &[&[u8]]) -> Self {
        let mut frame = Vec::new();
        write_request(&mut frame, words);
        Self {
            key: key.to_vec(),
            frame,
            part: None,
        }
    }
}
