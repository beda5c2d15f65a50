//! Just enough of Rust's lexis to look at source as text: comments and literals blanked out, functions measured.

/// The source with comments and the insides of literals blanked out; lines stay where they are.
pub(crate) fn code_of(source: &str) -> String {
    let letters: Vec<char> = source.chars().collect();
    let mut code = String::with_capacity(source.len());
    let mut at = 0;
    while at < letters.len() {
        let end = blank_end(&letters, at);
        if end == at {
            code.push(letters[at]);
            at += 1;
        } else {
            let blanked = letters[at..end].iter();
            code.extend(blanked.map(|letter| if *letter == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    code
}

/// Where the comment or literal that begins at `at` ends; `at` if none does.
fn blank_end(letters: &[char], at: usize) -> usize {
    let starts = |text: &str| {
        text.chars()
            .enumerate()
            .all(|(place, letter)| letters.get(at + place) == Some(&letter))
    };
    let before = at.checked_sub(1).map(|before| letters[before]);
    let in_name = before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    if starts("//") {
        return letters[at..]
            .iter()
            .position(|letter| *letter == '\n')
            .map_or(letters.len(), |length| at + length);
    }
    if starts("/*") {
        return block_comment_end(letters, at);
    }
    if !in_name && (starts("r\"") || starts("r#") || starts("br\"") || starts("br#")) {
        return raw_string_end(letters, at);
    }
    match letters[at] {
        '"' => string_end(letters, at + 1, '"'),
        // A lifetime has no second quote right after its first letter.
        '\'' if letters.get(at + 1) == Some(&'\\') || letters.get(at + 2) == Some(&'\'') => {
            string_end(letters, at + 1, '\'')
        }
        _ => at,
    }
}

fn block_comment_end(letters: &[char], start: usize) -> usize {
    let (mut depth, mut at) = (0, start);
    while at + 1 < letters.len() {
        match (letters[at], letters[at + 1]) {
            ('/', '*') => (depth, at) = (depth + 1, at + 2),
            ('*', '/') => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    letters.len()
}

fn raw_string_end(letters: &[char], start: usize) -> usize {
    let quote = letters[start..].iter().position(|letter| *letter == '"');
    let Some(quote) = quote.map(|length| start + length) else {
        return start;
    };
    let hashes = letters[start..quote]
        .iter()
        .filter(|letter| **letter == '#')
        .count();
    // `r#name` is no string.
    if letters[start..quote]
        .iter()
        .any(|letter| !matches!(letter, 'b' | 'r' | '#'))
    {
        return start;
    }
    let mut at = quote + 1;
    while at < letters.len() {
        let closed = letters[at] == '"'
            && letters[at + 1..]
                .iter()
                .take_while(|letter| **letter == '#')
                .count()
                >= hashes;
        if closed {
            return at + 1 + hashes;
        }
        at += 1;
    }
    letters.len()
}

fn string_end(letters: &[char], start: usize, quote: char) -> usize {
    let mut at = start;
    while at < letters.len() {
        match letters[at] {
            '\\' => at += 2,
            letter if letter == quote => return at + 1,
            _ => at += 1,
        }
    }
    letters.len()
}

/// The functions that have a body, each with its count of lines from `fn` to the closing brace.
pub(crate) fn functions(source: &str) -> Vec<(String, usize)> {
    let code = code_of(source);
    let mut functions = Vec::new();
    let mut rest = 0;
    while let Some(found) = code[rest..].find("fn ") {
        let start = rest + found;
        rest = start + 3;
        let whole =
            !code[..start].ends_with(|letter: char| letter.is_alphanumeric() || letter == '_');
        let name: String = code[rest..]
            .chars()
            .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
            .collect();
        let open = body_start(&code, rest);
        if let Some(open) = open.filter(|_| whole && !name.is_empty()) {
            let end = closing_brace(&code, open);
            functions.push((name, code[start..end].lines().count()));
        }
    }
    functions
}

/// The brace that opens the body of the function whose signature goes on at `start`; none if it has no body.
fn body_start(code: &str, start: usize) -> Option<usize> {
    let mut depth = 0;
    for (place, letter) in code[start..].char_indices() {
        match letter {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            ';' if depth == 0 => return None,
            '{' if depth == 0 => return Some(start + place),
            _ => {}
        }
    }
    None
}

fn closing_brace(code: &str, open: usize) -> usize {
    let mut depth = 0;
    for (place, letter) in code[open..].char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return open + place + 1;
        }
    }
    code.len()
}
