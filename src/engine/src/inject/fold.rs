//! Letters as they look.

use crate::visible::is_hidden;

/// The bit of a letter: those of ASCII have one each, all others share some.
#[inline]
pub(super) const fn bit(letter: char) -> u32 {
    match letter {
        'a'..='z' => 1 << (letter as u32 - 'a' as u32),
        _ => 1 << (26 + letter as u32 % 6),
    }
}

/// The letter at a place, as phrases are written, and where the next one stands. What does not show
/// is passed over, up to a bound.
#[inline]
pub(super) fn letter(text: &str, at: usize) -> Option<(char, usize)> {
    if let Some(byte) = text.as_bytes().get(at).filter(|byte| byte.is_ascii()) {
        return Some((char::from(byte.to_ascii_lowercase()), at + 1));
    }
    let mut end = at;
    for character in text.get(at..)?.chars().take(MAX_HIDDEN) {
        end += character.len_utf8();
        if is_hidden(character) && character != '\n' {
            continue;
        }
        if let Some(folded) = fold(character) {
            return Some((folded, end));
        }
    }
    None
}

/// A phrase's word, as its letters are compared.
pub(super) fn folded(word: &str) -> String {
    word.chars().filter_map(fold).collect()
}

/// A character as it is compared; none for an accent that stands alone.
pub(super) fn fold(character: char) -> Option<char> {
    if character.is_ascii() {
        return Some(character.to_ascii_lowercase());
    }
    let code = u32::from(character);
    let ascii = |code: u32| char::from_u32(code).map(|c| c.to_ascii_lowercase());
    match character {
        '\u{300}'..='\u{36f}' => None,
        // Full width, and mathematical alphabets.
        '\u{ff01}'..='\u{ff5e}' => ascii(code - 0xff01 + 0x21),
        '\u{1d400}'..='\u{1d6a3}' => {
            let place = (code - 0x1d400) % 26;
            ascii(place + u32::from(b'a'))
        }
        '\u{2018}' | '\u{2019}' => Some('\''),
        // Kana, Han and Hangul have one form.
        '\u{2e80}'..='\u{d7ff}' => Some(character),
        _ => {
            let lower = character.to_lowercase().next().unwrap_or(character);
            let alike = TABLE.get(lower as usize).filter(|letter| **letter != 0);
            Some(alike.map_or(lower, |letter| char::from(*letter)))
        }
    }
}

/// Whether a character is part of a word: in scripts that are written without blanks each stands
/// for itself.
#[inline]
pub(super) fn is_word(character: char) -> bool {
    match character {
        '_' => true,
        _ if character.is_ascii() => character.is_ascii_alphanumeric(),
        '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}' => false,
        // Signs that join letters of Indic scripts are no letters by themselves.
        '\u{900}'..='\u{dff}' | '\u{300}'..='\u{36f}' => true,
        _ => character.is_alphanumeric(),
    }
}

/// Whether a byte is a letter, a digit or `_` of ASCII.
#[inline]
pub(super) fn is_word_byte(byte: u8) -> bool {
    WORD.get(usize::from(byte)).is_some_and(|word| *word)
}

/// Which bytes are part of a word.
#[expect(
    clippy::indexing_slicing,
    reason = "what is wrong with a constant does not compile"
)]
static WORD: [bool; 256] = {
    let mut word = [false; 256];
    let mut byte = 0;
    while byte < word.len() {
        word[byte] = (byte as u8).is_ascii_alphanumeric() || byte == b'_' as usize;
        byte += 1;
    }
    word
};

/// By its code, what a letter looks like; 0 for itself.
#[expect(
    clippy::indexing_slicing,
    reason = "what is wrong with a constant does not compile"
)]
static TABLE: [u8; 0x530] = {
    let mut table = [0; 0x530];
    let mut row = 0;
    while row < LOOKALIKES.len() {
        let (letter, others) = LOOKALIKES[row];
        let mut at = 0;
        while at < others.len() {
            table[others[at] as usize] = letter;
            at += 1;
        }
        row += 1;
    }
    table
};

/// Letters with accents, and those of Cyrillic and Greek that cannot be told from Latin ones.
const LOOKALIKES: [(u8, &[char]); 24] = [
    (
        b'a',
        &['à', 'á', 'â', 'ã', 'ä', 'å', 'ā', 'ă', 'ą', 'а', 'α'],
    ),
    (b'b', &['ь']),
    (b'c', &['ç', 'ć', 'ĉ', 'ċ', 'č', 'с']),
    (b'd', &['ď', 'đ', 'ԁ']),
    (
        b'e',
        &['è', 'é', 'ê', 'ë', 'ē', 'ĕ', 'ė', 'ę', 'ě', 'е', 'ҽ'],
    ),
    (b'g', &['ĝ', 'ğ', 'ġ', 'ģ', 'ɡ']),
    (b'h', &['ĥ', 'ħ', 'һ']),
    (
        b'i',
        &['ì', 'í', 'î', 'ï', 'ĩ', 'ī', 'ĭ', 'į', 'ı', 'і', 'ι'],
    ),
    (b'j', &['ĵ', 'ј']),
    (b'k', &['ķ', 'к']),
    (b'l', &['ĺ', 'ļ', 'ľ', 'ł', 'ӏ']),
    (b'm', &[]),
    (b'n', &['ñ', 'ń', 'ņ', 'ň']),
    (
        b'o',
        &['ò', 'ó', 'ô', 'õ', 'ö', 'ø', 'ō', 'ŏ', 'ő', 'о', 'ο', 'ơ'],
    ),
    (b'p', &['р', 'ρ']),
    (b'q', &['ԛ']),
    (b'r', &['ŕ', 'ŗ', 'ř', 'г']),
    (b's', &['ś', 'ŝ', 'ş', 'š', 'ș', 'ѕ']),
    (b't', &['ţ', 'ť', 'ŧ', 'ț', 'т']),
    (
        b'u',
        &['ù', 'ú', 'û', 'ü', 'ũ', 'ū', 'ŭ', 'ů', 'ű', 'ų', 'ư', 'υ'],
    ),
    (b'v', &['ѵ', 'ν']),
    (b'w', &['ŵ', 'ԝ']),
    (b'x', &['х', 'χ']),
    (b'y', &['ý', 'ÿ', 'ŷ', 'у']),
];

/// Characters that do not show, between two letters of a word.
const MAX_HIDDEN: usize = 16;
