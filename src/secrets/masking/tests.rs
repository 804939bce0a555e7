//! Masking: what is found, in which forms, and what is held back.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use proptest::prelude::*;
use roles_anywhere_client::secret::{Secret, SecretBytes};

use super::*;
use crate::secrets::reference::{NamedReference, Reference};
use crate::secrets::value::{Resolved, ResolvedValue};

fn request_of(values: &[(&str, &str)]) -> MasksRequest {
    let mut request = MasksRequest { values: Vec::new(), short: ShortValues::Shown };
    for (name, value) in values {
        request.add((*name).to_owned(), &Secret::new((*value).to_owned()));
    }
    request
}

fn masks(values: &[(&str, &str)]) -> Masks {
    Masks::new(&request_of(values))
}

/// Returns what becomes of writes that follow each other at once.
fn masked<'a>(masks: &Masks, writes: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut masker = Masker::new(masks);
    let mut output = Vec::new();
    for write in writes {
        masker.push(write, Duration::ZERO, &mut output);
    }
    masker.release(&mut output);
    output
}

fn text(masks: &Masks, text: &str) -> String {
    String::from_utf8(masked(masks, [text.as_bytes()])).unwrap()
}

const PASSWORD: &str = "correct horse/battery+\"staple\"é";

#[test]
fn a_value_is_replaced_by_its_name() {
    let masks = masks(&[("DB_PASSWORD", PASSWORD), ("KEY", "0123456789")]);
    assert_eq!(
        text(&masks, &format!("a {PASSWORD}{PASSWORD} 01234567890123456789012\n")),
        "a ***DB_PASSWORD******DB_PASSWORD*** ***KEY******KEY***012\n"
    );
    for other in ["", "012345678", "correct horse", "\u{0}\n"] {
        assert_eq!(text(&masks, other), other);
    }
}

#[test]
fn the_longest_value_at_the_leftmost_place_is_replaced() {
    let masks = masks(&[("A", "abcdefgh"), ("B", "abcdefghijkl"), ("C", "cdefghijklmnop")]);
    assert_eq!(text(&masks, "abcdefghijklmnop"), "***B***mnop");
    assert_eq!(text(&masks, "abcdefghijk cdefghijklmnop"), "***A***ijk ***C***");
    assert_eq!(text(&masks, "abcdefg cdefghijklmno"), "abcdefg cdefghijklmno");
}

#[test]
fn a_value_is_found_over_two_writes_at_every_byte() {
    let line = format!("before {PASSWORD} after {} end", STANDARD.encode(PASSWORD));
    let masks = masks(&[("PASSWORD", PASSWORD)]);
    for middle in 0..=line.len() {
        let (first, second) = line.as_bytes().split_at(middle);
        assert_eq!(
            String::from_utf8_lossy(&masked(&masks, [first, second])),
            "before ***PASSWORD*** after ***PASSWORD*** end",
            "{middle}"
        );
    }
    let single: Vec<&[u8]> = line.as_bytes().chunks(1).collect();
    assert_eq!(masked(&masks, single), masked(&masks, [line.as_bytes()]));
}

#[test]
fn base64_is_masked_behind_any_bytes() {
    let masks = masks(&[("K", "\u{ff}hunter2>>>???hunter2")]);
    let value = "\u{ff}hunter2>>>???hunter2";
    for before in ["", "a", "ab", "abc", "user:"] {
        for after in ["", "x", "xy", "xyz"] {
            let whole = [before, value, after].concat();
            for encoded in
                [STANDARD.encode(&whole), STANDARD_NO_PAD.encode(&whole), URL_SAFE.encode(&whole)]
            {
                let shown = text(&masks, &encoded);
                let around = shown.replacen("***K***", "", 1);
                // Of the value, at most a character on each side that it shares with what is around it.
                let others = encoded.len() * (before.len() + after.len()) / whole.len();
                assert!(around != shown && around.len() <= others + 4, "{encoded}: {shown}");
            }
        }
        let basic = STANDARD.encode(["user:", value].concat());
        assert!(text(&masks, &basic).ends_with("***K***"));
    }
}

#[test]
fn urls_and_json_are_masked() {
    let masks = masks(&[("P", PASSWORD), ("T", "line 1 is long\nline 2 <&> 'x'=\u{1}")]);
    let rows = [
        // Python: quote, quote with safe='', quote_plus.
        "correct%20horse/battery%2B%22staple%22%C3%A9",
        "correct%20horse%2Fbattery%2B%22staple%22%C3%A9",
        "correct+horse%2Fbattery%2B%22staple%22%C3%A9",
        "correct+horse%2fbattery%2b%22staple%22%c3%a9",
        // JavaScript: encodeURI.
        "correct%20horse/battery+%22staple%22%C3%A9",
        // JSON of JavaScript, Python, PHP.
        r#"correct horse/battery+\"staple\"é"#,
        r#"correct horse/battery+\"staple\"\u00e9"#,
        r#"correct horse\/battery+\"staple\"\u00e9"#,
    ];
    for row in rows {
        assert_eq!(text(&masks, &format!("?p={row}&x")), "?p=***P***&x", "{row}");
    }
    let rows = [
        // Browsers, JSON of Rust, Go and Gson.
        "line+1+is+long%0Aline+2+%3C%26%3E+%27x%27%3D%01",
        r"line 1 is long\nline 2 <&> 'x'=\u0001",
        r"line 1 is long\nline 2 \u003c\u0026\u003e 'x'=\u0001",
        r"line 1 is long\nline 2 \u003c\u0026\u003e \u0027x\u0027\u003d\u0001",
    ];
    for row in rows {
        assert_eq!(text(&masks, &format!("\"{row}\"")), "\"***T***\"", "{row}");
    }
}

#[test]
fn each_line_of_a_value_is_masked() {
    let key = "-----BEGIN KEY-----\r\nAAAABBBBCCCC\n  DDDDEEEEFFFF\nGGGG\n-----END KEY-----\n";
    let masks = masks(&[("K", key)]);
    assert_eq!(text(&masks, key), "***K***");
    assert_eq!(text(&masks, &key.replace('\n', "\r\n")), "***K***");
    assert_eq!(text(&masks, key.trim_end()), "***K***");
    let logged: String = key.lines().map(|line| format!("1: {line}\n")).collect();
    assert_eq!(
        text(&masks, &logged),
        "1: -----BEGIN KEY-----\n1: ***K***\n1:   ***K***\n1: GGGG\n1: -----END KEY-----\n"
    );
}

#[test]
fn white_space_around_a_value_is_no_part_of_it() {
    let masks = masks(&[("K", " 0123456789\n"), ("BLANK", "         \n")]);
    assert_eq!(text(&masks, "[0123456789]          \n"), "[***K***]          \n");
}

#[test]
fn short_values_are_masked_on_request() {
    let mut request =
        request_of(&[("A", "hunter2"), ("B", "hunter22"), ("C", "ééééééé"), ("D", "")]);
    let masks = Masks::new(&request);
    assert_eq!(masks.too_short(), ["A", "C"]);
    assert_eq!(text(&masks, "hunter2 hunter22 ééééééé"), "hunter2 ***B*** ééééééé");
    request.short = ShortValues::Masked;
    let masks = Masks::new(&request);
    assert!(masks.too_short().is_empty());
    assert_eq!(text(&masks, "hunter2 hunter22 ééééééé"), "***A*** ***B*** ***C***");
    // Fewer than four characters of base64 are in any text.
    let one = MasksRequest { short: ShortValues::Masked, ..request_of(&[("Q", "a")]) };
    assert_eq!(text(&Masks::new(&one), "xay YQ YQ=="), "x***Q***y YQ ***Q***");
}

#[test]
fn references_name_their_values() {
    let references = [
        (Some("`DB_PASSWORD`"), "sm://prod/db#password"),
        (Some("`--from`"), "sm://prod/db#*?optional"),
        (None, "sm://prod/api#key?stage=AWSPENDING"),
        (None, "ssm:///prod/url"),
        (None, "sm://prod/all"),
    ];
    let values = [
        ResolvedValue::Text(Secret::new("first-value".to_owned())),
        ResolvedValue::Members(vec![("host".to_owned(), Secret::new("db.internal".to_owned()))]),
        ResolvedValue::Text(Secret::new("third-value".to_owned())),
        ResolvedValue::Binary(SecretBytes::new(b"\xff-fourth-value".to_vec())),
        ResolvedValue::Text(Secret::new(
            r#"{"user":"app-user-1","nested":{"pin":12345678,"short":"x"}}"#.to_owned(),
        )),
    ];
    let references = references.map(|(name, reference)| NamedReference {
        name: name.map(str::to_owned),
        reference: Reference::parse(reference).unwrap(),
    });
    let values = values.map(|value| Resolved { value, is_json: false, version: None });
    let mut request = request_of(&[]);
    request.add_references(&references, &values);
    let masks = Masks::new(&request);
    let shown = masked(
        &masks,
        [&b"first-value db.internal third-value \xff-fourth-value app-user-1 12345678"[..]],
    );
    assert_eq!(
        String::from_utf8_lossy(&shown),
        "***DB_PASSWORD*** ***prod/db#host*** ***prod/api#key*** ***/prod/url*** \
         ***prod/all#user*** ***prod/all#nested.pin***"
    );
    assert_eq!(masks.too_short(), ["prod/all#nested.short"]);
}

/// What is held back, and until when, by a clock that the test moves.
#[test]
fn a_beginning_is_held_back_for_50_milliseconds() {
    let masks = masks(&[("K", "0123456789")]);
    let mut masker = Masker::new(&masks);
    let at = Duration::from_millis;
    let mut output = Vec::new();
    let mut push = |masker: &mut Masker, text: &str, now: u64| {
        output.clear();
        masker.push(text.as_bytes(), at(now), &mut output);
        String::from_utf8(output.clone()).unwrap()
    };
    assert_eq!(push(&mut masker, "Password: ", 1_000), "Password: ");
    assert_eq!(masker.deadline(), None);
    assert_eq!(push(&mut masker, "x0123", 1_000), "x");
    assert_eq!(masker.deadline(), Some(at(1_050)));
    // More of it moves no deadline; what begins behind it has its own.
    assert_eq!(push(&mut masker, "45", 1_030), "");
    assert_eq!(masker.deadline(), Some(at(1_050)));
    assert_eq!(push(&mut masker, "01", 1_040), "012345");
    assert_eq!(masker.deadline(), Some(at(1_090)));
    let mut released = Vec::new();
    masker.release(&mut released);
    assert_eq!((released.as_slice(), masker.deadline()), (&b"01"[..], None));
    // What was shown is not forgotten, and not shown twice.
    assert_eq!(push(&mut masker, "234", 2_000), "");
    assert_eq!(masker.deadline(), Some(at(2_050)));
    assert_eq!(push(&mut masker, "56789!", 2_001), "***K***!");
    assert_eq!(masker.deadline(), None);
}

#[test]
fn a_value_that_may_be_longer_is_masked_in_time() {
    let masks = masks(&[("A", "abcdefgh"), ("B", "abcdefghijkl"), ("C", "efghijkm")]);
    let mut masker = Masker::new(&masks);
    let mut output = Vec::new();
    masker.push(b"abcdefghijk", Duration::ZERO, &mut output);
    assert!(output.is_empty());
    masker.release(&mut output);
    assert_eq!(output, b"***A***ijk");
    masker.push(b"m", Duration::from_secs(1), &mut output);
    assert_eq!(output, b"***A***ijkm");
    masker.push(b"abcdefghijk", Duration::from_secs(2), &mut output);
    masker.release(&mut output);
    masker.push(b"l.", Duration::from_secs(3), &mut output);
    assert_eq!(output, b"***A***ijkm***A***ijk***B***.");
}

/// What finds these texts, each masked by its number.
fn finder(texts: &[Vec<u8>]) -> Masks {
    let texts = texts.iter().enumerate().map(|(index, text)| {
        (SecretBytes::new(text.clone()), format!("<{index}>").into_bytes().into())
    });
    Masks::of(Finder::new(texts.collect()))
}

/// Replaces in the whole text at once, without any table.
fn naive(texts: &[Vec<u8>], text: &[u8]) -> Vec<u8> {
    let (mut output, mut at) = (Vec::new(), 0);
    while at < text.len() {
        let found = texts.iter().enumerate().rev().filter(|(_, it)| text[at..].starts_with(it));
        // Of equal ones, the first, which comes last here.
        match found.max_by_key(|(_, it)| it.len()) {
            Some((index, found)) => {
                output.extend(format!("<{index}>").into_bytes());
                at += found.len();
            }
            None => {
                output.push(text[at]);
                at += 1;
            }
        }
    }
    output
}

fn texts(shortest: usize) -> impl Strategy<Value = (Vec<Vec<u8>>, Vec<u8>)> {
    let letter = prop_oneof![Just(b'a'), Just(b'b'), Just(b'c')];
    let value = proptest::collection::vec(letter.clone(), shortest..shortest + 9);
    let values = proptest::collection::vec(value, 0..6);
    (values, proptest::collection::vec(letter, 0..60)).prop_flat_map(|(values, noise)| {
        // Mostly whole values and beginnings of them, or nothing would be found.
        let count = values.len().max(1);
        let piece = (0..count, 0..20usize, 0..noise.len() + 1);
        let with_values = values.clone();
        proptest::collection::vec(piece, 0..12).prop_map(move |pieces| {
            let mut text = Vec::new();
            for (index, length, from) in pieces {
                text.extend_from_slice(&noise[from..noise.len().min(from + 3)]);
                if let Some(value) = with_values.get(index) {
                    text.extend_from_slice(&value[..length.min(value.len())]);
                }
            }
            (with_values.clone(), text)
        })
    })
}

proptest! {
    #[test]
    fn writes_are_masked_as_the_whole_text(
        (values, text) in (1..12usize).prop_flat_map(texts),
        sizes in proptest::collection::vec(1..9usize, 1..20),
    ) {
        let mut writes = Vec::new();
        let (mut rest, mut sizes) = (&text[..], sizes.iter().cycle());
        while !rest.is_empty() {
            let (write, more) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
            writes.push(write);
            rest = more;
        }
        prop_assert_eq!(masked(&finder(&values), writes), naive(&values, &text));
    }

    /// With pauses, the beginning of a value may be shown, but never all of it.
    #[test]
    fn a_pause_shows_no_whole_value(
        (values, text) in (2..6usize).prop_flat_map(texts),
        pauses in proptest::collection::vec(any::<bool>(), 1..20),
    ) {
        let masks = finder(&values);
        let mut masker = Masker::new(&masks);
        let mut output = Vec::new();
        for (byte, pause) in text.iter().zip(pauses.iter().cycle()) {
            masker.push(&[*byte], Duration::ZERO, &mut output);
            if *pause {
                masker.release(&mut output);
                prop_assert!(masker.deadline().is_none());
            }
        }
        masker.release(&mut output);
        let shown = output.split(|byte| *byte == b'<' || *byte == b'>');
        for (value, shown) in shown.flat_map(|shown| values.iter().map(move |it| (it, shown))) {
            let is_shown = shown.windows(value.len()).any(|window| window == value);
            prop_assert!(!is_shown, "{:?} in {:?}", value, output);
        }
    }
}
