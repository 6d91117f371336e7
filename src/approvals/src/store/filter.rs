//! Searching what was asked.

use engine::approval::Approver;
use sqlx::{AssertSqlSafe, Row as _};

use super::{Approval, Lent, State, Store, right};

/// What to look for; all of it has to hold.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// What became of it.
    pub state: Option<State>,
    /// The tool, exactly.
    pub tool: Option<String>,
    /// Who asked, exactly.
    pub user: Option<String>,
    /// The tenant, exactly.
    pub tenant: Option<String>,
    /// The role that decides.
    pub role: Option<String>,
    /// Something that was asked or said, whatever its case (beyond ASCII: as written).
    pub text: Option<String>,
    /// Only asks of the one who looks, or only those of others.
    pub whose: Whose,
    /// The oldest first; else the newest.
    pub oldest: bool,
    /// Only asks that come after this one in that order.
    pub before: Option<String>,
    /// How many at once.
    pub limit: usize,
}

/// Whose asks to look for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Whose {
    /// Anybody's.
    #[default]
    Any,
    /// Those of the one who looks.
    Own,
    /// Those of everybody else.
    Others,
}

/// Some of the asks that were found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// These.
    pub items: Vec<Approval>,
    /// More come [`Filter::before`] this one.
    pub next: Option<String>,
}

/// What somebody may see: asks they may decide about, and their own.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// Who looks.
    pub person: &'a str,
    /// What they are.
    pub roles: &'a [String],
    /// What others have made them for a time.
    pub lent: &'a [Lent],
    /// Only asks of this tenant (`Some(None)`: of none); `None`: tenants are not told apart.
    pub tenant: Option<Option<&'a str>>,
}

impl Sight<'_> {
    /// Whether `approval` may be seen.
    #[must_use]
    pub fn reaches(&self, approval: &Approval) -> bool {
        let ask = &approval.ask;
        let here = self
            .tenant
            .is_none_or(|tenant| tenant == ask.tenant.as_deref());
        let own = ask.user.as_deref() == Some(self.person);
        let decides = approval
            .deciders
            .iter()
            .any(|decider| match &decider.approver {
                Approver::Role(role) => self.holds().any(|held| held == role),
                Approver::User => own,
            });
        here && (own || decides)
    }

    /// Every role, their own and lent.
    pub(crate) fn holds(&self) -> impl Iterator<Item = &str> {
        let lent = self.lent.iter().map(|lent| &lent.role);
        self.roles.iter().chain(lent).map(String::as_str)
    }
}

impl Store {
    /// One approval, with its votes.
    ///
    /// # Errors
    /// The database fails.
    pub async fn find(&self, id: &str) -> Result<Option<Approval>, sqlx::Error> {
        Approval::find(&mut *self.pool.acquire().await?, id).await
    }

    /// What `sight` may see of what `filter` finds.
    ///
    /// # Errors
    /// The database fails.
    pub async fn list(&self, sight: Sight<'_>, filter: &Filter) -> Result<Page, sqlx::Error> {
        let mut wanted = Conditions::default();
        wanted.seen(sight);
        let state = filter.state.map(|state| state.name().to_owned());
        let asker = match filter.whose {
            Whose::Any => None,
            Whose::Own => Some("asker = "),
            Whose::Others => Some("coalesce(asker, '') <> "),
        };
        if let Some(sql) = asker {
            let place = wanted.bind(sight.person);
            wanted.all.push(format!("{sql}{place}"));
        }
        let (beyond, order) = if filter.oldest {
            ("id > ", "ASC")
        } else {
            ("id < ", "DESC")
        };
        for (sql, value) in [
            ("state = ", &state),
            ("tool = ", &filter.tool),
            ("asker = ", &filter.user),
            ("tenant = ", &filter.tenant),
            (beyond, &filter.before),
        ] {
            if let Some(value) = value {
                let place = wanted.bind(value);
                wanted.all.push(format!("{sql}{place}"));
            }
        }
        if let Some(role) = &filter.role {
            let decided = wanted.decided_by([role.as_str()].into_iter());
            wanted.all.push(decided);
        }
        if let Some(text) = &filter.text {
            let place = wanted.bind(&like(text));
            wanted.all.push(format!(
                "(lower(ask) LIKE {place} ESCAPE '!' OR id IN \
                 (SELECT ask FROM votes WHERE lower(person) LIKE {place} ESCAPE '!' \
                  OR lower(reason) LIKE {place} ESCAPE '!'))"
            ));
        }
        let sql = format!(
            "SELECT * FROM asks WHERE {} ORDER BY id {order} LIMIT {}",
            wanted.all.join(" AND "),
            filter.limit.saturating_add(1)
        );
        // Only the places of values are put together; the values are bound.
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for value in wanted.values {
            query = query.bind(value);
        }
        let mut connection = self.pool.acquire().await?;
        let rows = query.fetch_all(&mut *connection).await?;
        let mut items = rows
            .iter()
            .take(filter.limit)
            .map(Approval::read)
            .collect::<Result<Vec<_>, _>>()?;
        for item in &mut items {
            item.complete(&mut connection).await?;
        }
        let next = (rows.len() > filter.limit).then(|| items.last().map(|item| item.id.clone()));
        Ok(Page {
            items,
            next: next.flatten(),
        })
    }

    /// How many wait to be decided, and how many to be used.
    ///
    /// # Errors
    /// The database fails.
    pub async fn open_count(&self) -> Result<(i64, i64), sqlx::Error> {
        let sql = "SELECT COUNT(CASE WHEN state = 'pending' THEN 1 END) AS pending, \
                   COUNT(*) AS every FROM asks WHERE state IN ('pending', 'approved')";
        let row = sqlx::query(sql).fetch_one(&self.pool).await?;
        let (pending, every): (i64, i64) = (row.try_get("pending")?, row.try_get("every")?);
        Ok((pending, every - pending))
    }
}

/// A condition in SQL, and the values it names as `$1`, `$2` ...
#[derive(Default)]
struct Conditions {
    all: Vec<String>,
    values: Vec<String>,
}

impl Conditions {
    fn bind(&mut self, value: &str) -> String {
        self.values.push(value.to_owned());
        format!("${}", self.values.len())
    }

    /// [`Sight::reaches`] in SQL.
    fn seen(&mut self, sight: Sight<'_>) {
        match sight.tenant {
            None => {}
            Some(None) => self.all.push("tenant IS NULL".to_owned()),
            Some(Some(tenant)) => {
                let place = self.bind(tenant);
                self.all.push(format!("tenant = {place}"));
            }
        }
        let own = self.bind(sight.person);
        let decides = self.decided_by(sight.holds());
        self.all.push(format!("(asker = {own} OR {decides})"));
    }

    /// Whether one of `roles` may decide for one of the needs.
    fn decided_by<'a>(&mut self, roles: impl Iterator<Item = &'a str>) -> String {
        let roles: Vec<_> = roles
            .map(|role| self.bind(&right::name(&Approver::Role(role.to_owned()))))
            .collect();
        if roles.is_empty() {
            return "1 = 0".to_owned();
        }
        let roles = roles.join(", ");
        format!("id IN (SELECT ask FROM deciders WHERE approver IN ({roles}))")
    }
}

/// A pattern that finds `text` anywhere.
fn like(text: &str) -> String {
    let mut pattern = "%".to_owned();
    for c in text.chars() {
        if matches!(c, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(c.to_ascii_lowercase());
    }
    pattern + "%"
}
