//! A headless Chromium, asked over chromedriver's HTTP.

use serde_json::{Value, json};
use std::env;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Seconds after which a command has failed.
const PATIENCE: u64 = 60;

/// What a Chromium is called.
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// What is there to browse with.
#[derive(Clone, Debug)]
pub(crate) struct Installed {
    browser: PathBuf,
    driver: PathBuf,
}

impl Installed {
    /// The Chromium and the chromedriver on the path.
    pub(crate) fn find() -> Result<Self, String> {
        let browser = BROWSERS.iter().find_map(|name| on_path(name));
        let browser = browser.ok_or("no Chromium is installed")?;
        let driver = on_path("chromedriver").ok_or("no chromedriver is installed")?;
        Ok(Self { browser, driver })
    }
}

fn on_path(name: &str) -> Option<PathBuf> {
    let folders = env::var_os("PATH")?;
    let mut places = env::split_paths(&folders).map(|folder| folder.join(name));
    places.find(|place| place.is_file())
}

/// A browser with one window. It ends with the value.
#[derive(Debug)]
pub(crate) struct Browser {
    driver: Child,
    /// The session's address.
    session: String,
    _profile: TempDir,
}

impl Browser {
    /// Starts one with a profile of its own, which knows nothing and calls nobody.
    pub(crate) fn start(installed: &Installed) -> Self {
        let profile = TempDir::new().expect("a folder");
        let mut driver = Command::new(&installed.driver)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let port = port(&mut driver);
        let folder = format!("--user-data-dir={}", profile.path().display());
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1500,1200",
            &folder,
        ];
        let mut browser = Self {
            driver,
            session: format!("http://127.0.0.1:{port}/session"),
            _profile: profile,
        };
        let options = json!({"binary": installed.browser, "args": arguments});
        let wanted =
            json!({"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}});
        let session = browser.post("", &json!({"capabilities": {"alwaysMatch": wanted}}));
        let id = session["sessionId"].as_str().expect("a session");
        browser.session += &format!("/{id}");
        browser
    }

    fn post(&self, command: &str, body: &Value) -> Value {
        let answer = minreq::post(format!("{}{command}", self.session))
            .with_header("Content-Type", "application/json")
            .with_body(body.to_string())
            .with_timeout(PATIENCE)
            .send()
            .expect("chromedriver answers");
        let text = answer.as_str().expect("text");
        let mut value: Value = serde_json::from_str(text).expect("JSON");
        assert_eq!(answer.status_code, 200, "{command} {body}: {value:#}");
        value["value"].take()
    }

    /// Opens a file.
    pub(crate) fn open(&self, file: &Path, fragment: &str) {
        // A blank page between, or another fragment of the same file would not load it again.
        self.post("/url", &json!({"url": "about:blank"}));
        self.post(
            "/url",
            &json!({"url": format!("file://{}{fragment}", file.display())}),
        );
    }

    /// Makes the window as large as this.
    pub(crate) fn resize(&self, width: u32, height: u32) {
        self.post("/window/rect", &json!({"width": width, "height": height}));
    }

    /// What the body of a function returns in the page.
    pub(crate) fn ask(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// Clicks on the first element of this selector, as a mouse does.
    pub(crate) fn click(&self, selector: &str) {
        let found = self.post(
            "/element",
            &json!({"using": "css selector", "value": selector}),
        );
        let id = found.as_object().and_then(|found| found.values().next());
        let id = id.and_then(Value::as_str).expect("an element");
        self.post(&format!("/element/{id}/click"), &json!({}));
    }

    /// Presses a key and lets it go, wherever the focus is.
    pub(crate) fn press(&self, key: char) {
        let strokes = ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key}));
        let keyboard = json!({"type": "key", "id": "keyboard", "actions": strokes});
        self.post("/actions", &json!({"actions": [keyboard]}));
    }

    /// What the console says since it was asked last.
    pub(crate) fn console(&self) -> Vec<Value> {
        let said = self.post("/se/log", &json!({"type": "browser"}));
        said.as_array().cloned().unwrap_or_default()
    }
}

/// The port that the driver says it listens on.
fn port(driver: &mut Child) -> u16 {
    let output = driver.stdout.take().expect("its output");
    for line in BufReader::new(output).lines() {
        let line = line.expect("text");
        if let Some((_, port)) = line.split_once("successfully on port ") {
            return port.trim_end_matches('.').parse().expect("a port");
        }
    }
    panic!("chromedriver did not start");
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser ends with its session; the driver is ours to end.
        let _ = minreq::delete(&self.session).with_timeout(PATIENCE).send();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
