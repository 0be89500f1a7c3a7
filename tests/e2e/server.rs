//! The Worker on workerd. A test starts it on a free port with its own state folder and stops it at the end.
//!
//! `scripts/serve` exits when the process that started it does, so nothing keeps running even if a test is killed. Its
//! output is shown when a test fails.

use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// State folders of failed tests are kept this long for debugging.
const KEPT: Duration = Duration::from_secs(3600);

/// On a busy machine, work that continues after the response is done by then.
pub const WRITTEN_WITHIN: Duration = Duration::from_secs(60);

/// Lines of the Worker's log to show for a failed test.
const LOG_LINES: usize = 30;

pub struct Server {
    process: Option<Child>,
    state: PathBuf,
    pub base: String,
    pub cron_base: String,
    pub operator_token: String,
    pub webhook_secret: String,
    pub emdash_token: String,
    pub forms_secret: String,
    /// The URL of the Stripe stand-in started by `STRIPE=stand-in`. Empty without one.
    pub stripe_base: String,
    has_stand_in: bool,
    /// Whether its invocations may send only as few statements as on Cloudflare's free plan, so that unfinished work is
    /// left to the next one.
    pub is_tight: bool,
    pub agent: ureq::Agent,
}

/// `MANICULE_STATEMENTS=50` runs every test with as few statements per invocation as Cloudflare's free plan allows.
const STATEMENTS: &str = "D1_STATEMENTS_MAX";

impl Server {
    /// A fresh Worker with the settings of `wrangler.toml`.
    pub fn start() -> Server {
        Server::with(&[])
    }

    /// A fresh Worker with other settings. A value may contain spaces.
    pub fn with(vars: &[(&str, &str)]) -> Server {
        Server::fresh(vars, false)
    }

    /// A fresh Worker as `make serve STRIPE=stand-in` starts it.
    pub fn with_stand_in() -> Server {
        Server::fresh(&[], true)
    }

    fn fresh(vars: &[(&str, &str)], has_stand_in: bool) -> Server {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("e2e");
        sweep(&folder);
        let state = folder.join(format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
        let _ = fs::remove_dir_all(&state);
        fs::create_dir_all(&state).expect("a state folder");
        let agent = agent();
        let text = String::new;
        let mut server = Server {
            process: None,
            state,
            base: text(),
            cron_base: text(),
            operator_token: text(),
            webhook_secret: text(),
            emdash_token: text(),
            forms_secret: text(),
            stripe_base: text(),
            has_stand_in,
            is_tight: false,
            agent,
        };
        server.run(vars);
        server
    }

    /// Stops it and restarts it on the same state, with these settings instead of the earlier ones.
    pub fn restart(&mut self, vars: &[(&str, &str)]) {
        self.stop();
        self.run(vars);
    }

    /// Simulates the passing of time for payouts that are under way. The Worker uses the machine's clock, so the
    /// payouts are moved back instead. It is restarted with the same settings.
    pub fn let_pass(&mut self, millis: i64) {
        self.stop();
        let database = self.open();
        for table in ["payout", "payout_reversal", "credit_transfer"] {
            let sql = format!(
                "UPDATE {table} SET due_at_ms = due_at_ms - ?1, first_sent_at_ms = first_sent_at_ms - ?1, revision = revision + 1
                 WHERE state IN ('planned', 'submitting')"
            );
            database.execute(&sql, [millis]).expect("moved back");
        }
        database.close().expect("written");
        self.go();
    }

    /// Kills it as a power failure would: none of its processes gets to finish anything.
    pub fn kill(&self) {
        let node = fs::read_to_string(self.state.join("serve.pid")).expect("the process that serves");
        // `scripts/serve` makes it the leader of its own process group, which includes workerd.
        let told = Command::new("ps").args(["-o", "pgid=", "-p", node.trim()]).output().expect("ps");
        let group = String::from_utf8_lossy(&told.stdout).trim().to_owned();
        assert_eq!(group, node.trim(), "it leads its group");
        let killed = Command::new("kill").args(["-KILL", "--", &format!("-{group}")]).status().expect("kill");
        assert!(killed.success(), "{killed}");
    }

    /// Restarts it on the same state after it was stopped or killed.
    pub fn start_again(&mut self) {
        self.stop();
        self.go();
    }

    /// A backup of the running Worker's database, by `scripts/backup`.
    pub fn back_up(&self) -> PathBuf {
        let file = self.state.join("backup.sql");
        self.script("backup", &file);
        file
    }

    /// Loses the database, and restores it from a backup with `scripts/restore`.
    pub fn restore(&mut self, backup: &Path) {
        self.stop();
        fs::rename(self.state.join("storage"), self.state.join("lost")).expect("the storage");
        self.script("restore", backup);
        self.go();
    }

    fn script(&self, name: &str, file: &Path) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(name);
        let done = Command::new(script).env("STATE", &self.state).env("FILE", file).output().expect("a script");
        assert!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// The database of a stopped Worker.
    pub fn open(&mut self) -> rusqlite::Connection {
        self.stop();
        rusqlite::Connection::open(self.database()).expect("the database")
    }

    /// The count that a statement returns from the database of a running Worker.
    #[track_caller]
    pub fn database_rows(&self, sql: &str) -> i64 {
        self.read_connection().query_row(sql, [], |row| row.get(0)).unwrap_or_else(|why| panic!("{sql}: {why}"))
    }

    /// The texts that a statement returns from it.
    #[track_caller]
    pub fn database_texts(&self, sql: &str) -> Vec<String> {
        let database = self.read_connection();
        let mut found = database.prepare(sql).unwrap_or_else(|why| panic!("{sql}: {why}"));
        let found = found.query_map([], |row| row.get(0)).expect("texts");
        found.flatten().collect()
    }

    /// The number of rows in each table.
    pub fn database_sizes(&self) -> Vec<(String, i64)> {
        let ours = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\' AND name NOT LIKE 'sqlite%' ORDER BY name";
        let count = |name: String| {
            let rows = self.database_rows(&format!("SELECT COUNT(*) FROM \"{name}\""));
            (name, rows)
        };
        self.database_texts(ours).into_iter().map(count).collect()
    }

    fn read_connection(&self) -> rusqlite::Connection {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        rusqlite::Connection::open_with_flags(self.database(), flags).expect("the database")
    }

    /// The file of the Worker's database.
    fn database(&self) -> PathBuf {
        let folder = self.state.join("storage/v3/d1/miniflare-D1DatabaseObject");
        let files = fs::read_dir(&folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
        let is_ours = |path: &PathBuf| {
            path.extension().is_some_and(|e| e == "sqlite")
                && rusqlite::Connection::open(path).is_ok_and(|c| c.table_exists(None, "payout").unwrap_or(false))
        };
        files.flatten().map(|file| file.path()).find(is_ours).expect("a database with payouts")
    }

    fn run(&mut self, vars: &[(&str, &str)]) {
        let everywhere = std::env::var("MANICULE_STATEMENTS").ok();
        let own = vars.iter().find(|(name, _)| *name == STATEMENTS).map(|(_, value)| (*value).to_owned());
        let statements = own.or(everywhere);
        self.is_tight = statements.as_deref() == Some("50");
        let mut lines: String = vars.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        lines.extend(statements.map(|statements| format!("{STATEMENTS}={statements}\n")));
        fs::write(self.state.join("vars.env"), lines).expect("settings");
        self.go();
    }

    /// Starts it on its state.
    fn go(&mut self) {
        let log = fs::File::options().create(true).append(true).open(self.state.join("log")).expect("a log");
        let mut process = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/serve"))
            .env("PORT", "0")
            .env("STATE", &self.state)
            .env("STRIPE", if self.has_stand_in { "stand-in" } else { "" })
            .env_remove("VARS")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("scripts/serve");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        self.process = Some(process);
        assert!(line.starts_with("ready http://"), "the Worker did not start: {line:?}");
        let text = fs::read_to_string(self.state.join("credentials.json")).expect("credentials.json");
        let credentials: Value = serde_json::from_str(&text).expect("credentials.json is JSON");
        let field = |name: &str| credentials[name].as_str().unwrap_or_else(|| panic!("{name} is missing")).to_owned();
        self.base = field("base_url");
        self.cron_base = field("cron_base");
        self.operator_token = field("operator_token");
        self.webhook_secret = field("webhook_secret");
        self.emdash_token = field("emdash_token");
        self.forms_secret = field("forms_secret");
        if self.has_stand_in {
            self.stripe_base = field("stripe_base");
        }
    }

    fn stop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        // SIGTERM rather than kill(): it exits after workerd has, so the state can be served again.
        let _ = Command::new("kill").arg(process.id().to_string()).status();
        let _ = process.wait();
    }

    /// The parts of emails that miniflare has written to files, `email-text` or `email-html`: as many as the outbox
    /// reports as sent, or those that exist when time runs out. Miniflare accepts an email first and writes it later.
    pub fn mails(&self, part: &str) -> Vec<String> {
        let outbox = self.read("/v1/outbox?limit=200");
        let messages = outbox["data"].as_array().expect("messages").iter();
        let deliveries = messages.flat_map(|m| m["deliveries"].as_array().expect("deliveries"));
        let sent = deliveries.filter(|d| d["channel"] == "email" && d["state"] == "sent").count();
        let started = Instant::now();
        loop {
            let kept = self.mails_kept(part);
            let is_all = kept.len() >= sent && kept.iter().all(|text| !text.is_empty());
            if is_all || started.elapsed() > WRITTEN_WITHIN {
                return kept;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn mails_kept(&self, part: &str) -> Vec<String> {
        fn files(folder: &Path, part: &str, found: &mut Vec<PathBuf>) {
            for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
                if path.is_dir() {
                    files(&path, part, found);
                } else if path.parent().is_some_and(|p| p.ends_with(part)) {
                    found.push(path);
                }
            }
        }
        let mut found = Vec::new();
        files(&self.state.join("tmp"), part, &mut found);
        found.sort();
        found.iter().map(|path| fs::read_to_string(path).expect("a mail")).collect()
    }

    /// The log of the Worker and of the script.
    pub fn log(&self) -> String {
        fs::read_to_string(self.state.join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.state);
            return;
        }
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        println!("-- the end of {}", self.state.join("log").display());
        println!("{}", lines[lines.len().saturating_sub(LOG_LINES)..].join("\n"));
    }
}

/// A client that returns every response as it is.
pub fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_global(Some(Duration::from_secs(60)))
        // workerd closes a connection after five idle seconds, possibly while the next request is on its way.
        .max_idle_age(Duration::from_secs(2))
        .build()
        .new_agent()
}

/// Removes the folders of old tests.
fn sweep(folder: &Path) {
    let old = |path: &Path| {
        let changed = fs::metadata(path).and_then(|m| m.modified()).unwrap_or_else(|_| SystemTime::now());
        changed.elapsed().is_ok_and(|age| age > KEPT)
    };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if old(&entry.path()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
