//! Every query there is. What comes from outside is a parameter; the only names put into a text are labels and
//! properties that the database or the configuration names, and only plain ones.

/// Version and edition.
pub(super) const COMPONENTS: &str = "CALL dbms.components() YIELD name, versions, edition \
     WITH name, versions, edition WHERE name = 'Neo4j Kernel' RETURN name + ' ' + versions[0] AS version, edition";

/// All counts in one answer, from the count store.
pub(super) const GRAPH_COUNTS: &str = "CALL db.stats.retrieve('GRAPH COUNTS') YIELD data RETURN data";

/// The same, one by one, where that is not permitted.
pub(super) const LABELS: &str = "CALL db.labels() YIELD label RETURN label AS name";
pub(super) const TYPES: &str = "CALL db.relationshipTypes() YIELD relationshipType RETURN relationshipType AS name";
pub(super) const NODES: &str = "MATCH (n) RETURN count(n) AS count";
pub(super) const RELATIONSHIPS: &str = "MATCH ()-[r]->() RETURN count(r) AS count";

/// Its number grows by one with each transaction of the server.
pub(super) const TRANSACTIONS: &str = "SHOW TRANSACTIONS YIELD transactionId RETURN transactionId AS id";

/// What is told of a node.
macro_rules! node {
    ($n:literal) => {
        concat!(
            "elementId(",
            $n,
            ") AS id, labels(",
            $n,
            ")[..10] AS labels, \
             [k IN keys(",
            $n,
            ")[..40] | [k, left(toStringOrNull(",
            $n,
            "[k]), 500)]] AS properties, \
             coalesce([(",
            $n,
            ")<-[:CREATED]-(u) | coalesce(u.id, u.user_id, u.name)][0], \
             [(",
            $n,
            ")<-[r:HAS_TASK]-() | r.decided_by][0], \
             [(",
            $n,
            ")-[:AUTHORED_BY]->(a) | coalesce(a.actor_id, a.id, a.name)][0]) AS maker"
        )
    };
}

/// What is told of a relationship.
macro_rules! edge {
    ($r:literal) => {
        concat!(
            "elementId(",
            $r,
            ") AS id, type(",
            $r,
            ") AS kind, elementId(startNode(",
            $r,
            ")) AS source, \
             elementId(endNode(",
            $r,
            ")) AS target, \
             [k IN keys(",
            $r,
            ")[..40] | [k, left(toStringOrNull(",
            $r,
            "[k]), 500)]] AS properties"
        )
    };
}

/// The nodes that are a story: planning and context keep it under different keys, so there may be two.
pub(super) const STORY: &str = concat!(
    "CALL { MATCH (n:Story) WHERE n.id = $story RETURN n UNION MATCH (n:Story) WHERE n.story_id = $story RETURN n \
     UNION MATCH (n:Case) WHERE n.case_id = $story RETURN n } WITH DISTINCT n LIMIT 5 RETURN ",
    node!("n")
);

/// A node.
pub(super) const NODE: &str = concat!("MATCH (n) WHERE elementId(n) = $id RETURN ", node!("n"));

/// The relationships of nodes, so many of each: what everything hangs on is not followed to its end.
pub(super) const EDGES: &str = concat!(
    "MATCH (n) WHERE elementId(n) IN $ids CALL { WITH n MATCH (n)-[r]-() RETURN r LIMIT 100 } \
     WITH DISTINCT r LIMIT 500 RETURN ",
    edge!("r")
);

/// Nodes by their ids.
pub(super) const BY_ID: &str = concat!("MATCH (n) WHERE elementId(n) IN $ids RETURN ", node!("n"));

/// How many nodes a label has.
pub(super) fn count_label(label: &str) -> Option<String> {
    Some(format!("MATCH (n:`{}`) RETURN count(n) AS count", plain(label)?))
}

/// How many relationships a type has.
pub(super) fn count_type(kind: &str) -> Option<String> {
    Some(format!("MATCH ()-[r:`{}`]->() RETURN count(r) AS count", plain(kind)?))
}

/// Which properties some nodes of a label have, and of what kind each is: a time, a number or text.
pub(super) fn properties(label: &str) -> Option<String> {
    Some(format!(
        "MATCH (n:`{}`) WITH n LIMIT 50 UNWIND [p IN $names WHERE n[p] IS NOT NULL] AS name \
         WITH name, n[name] AS v RETURN name, CASE WHEN toStringOrNull(v) = v THEN 'text' \
         WHEN toFloatOrNull(v) = v THEN 'number' ELSE 'time' END AS kind, count(*) AS count",
        plain(label)?
    ))
}

/// The newest nodes of a label, newest first.
pub(super) fn newest(label: &str, property: &str) -> Option<String> {
    let (label, property) = (plain(label)?, plain(property)?);
    Some(format!(
        "MATCH (n:`{label}`) WHERE n.`{property}` IS NOT NULL WITH n, n.`{property}` AS t ORDER BY t DESC LIMIT $limit \
         RETURN toString(t) AS at, {}",
        node!("n")
    ))
}

/// The nodes of a label since a time, oldest first. The time is compared as what it is.
pub(super) fn since(label: &str, property: &str, is_time: bool) -> Option<String> {
    let (label, property) = (plain(label)?, plain(property)?);
    let since = if is_time { "datetime($since)" } else { "$since" };
    Some(format!(
        "MATCH (n:`{label}`) WHERE n.`{property}` >= {since} WITH n, n.`{property}` AS t ORDER BY t LIMIT $limit \
         RETURN toString(t) AS at, {}",
        node!("n")
    ))
}

/// A name that can stand between backticks whatever the version: some of them read escapes there.
fn plain(name: &str) -> Option<&str> {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | ' ' | '.' | ':');
    Some(name).filter(|name| !name.is_empty() && name.len() <= 120 && name.chars().all(fits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_gets_out_of_its_backticks() {
        for evil in ["a`) DETACH DELETE (n", r"a\u0060", "", "a\nb", "a$b", "a//b"] {
            assert_eq!(count_label(evil), None, "{evil}");
            assert_eq!(since("Story", evil, false), None, "{evil}");
        }
        assert!(count_label("Backlog-Review Ceremony_1").is_some());
    }
}
