// Panels 6 and 7 of the plan: the graph in Neo4j, the cache in Valkey.
import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { board, single, told } from './board';
import { built, to } from './links';
import { bars, graph, lines, row, stacked, stat } from './panels';
import { fleet, now, range } from './sources';
import { TIME, sorted, table } from './table';
import { A_SECOND, GREEN, RED, YELLOW, known } from './values';

const NEO4J = 'No data: set neo4j.uri';
const VALKEY = 'No data: set valkey.url';

export const graphCache = (): DashboardBuilder =>
  [decisions, cache].reduce(
    (dashboard, part) => part(dashboard),
    board({
      name: 'graph-cache',
      title: 'Graph and cache',
      description: 'What the fleet writes to Neo4j, and what it keeps in Valkey.',
      refresh: '5s',
      from: 'now-15m',
    }).withVariable(single(told('story', 'Story'))),
  );

const decisions = (dashboard: DashboardBuilder): DashboardBuilder =>
  dashboard
    .withRow(row('Graph'))
    .withPanel(
      stat({
        title: 'Nodes',
        text: 'Nodes the database holds.',
        unit: 'short',
        size: [6, 4],
        queries: [now('sum(fleet_graph_nodes)')],
        empty: NEO4J,
      }),
    )
    .withPanel(
      stat({
        title: 'Relationships',
        text: 'Relationships the database holds.',
        unit: 'short',
        size: [6, 4],
        queries: [now('sum(fleet_graph_relationships)')],
        empty: NEO4J,
      }),
    )
    .withPanel(
      stat({
        title: 'Last change',
        text: 'When a count was last seen to change, or the newest node was made.',
        unit: 'dateTimeFromNow',
        size: [12, 4],
        queries: [now('1000 * max(fleet_graph_last_change_timestamp_seconds)')],
        empty: NEO4J,
      }),
    )
    .withPanel(
      graph({
        title: 'Graph',
        text: 'Nodes and relationships around the chosen story, or the newest nodes where it is `*`; green ones are less than a minute old, and a click on a node shows labels, properties, time and author.',
        unit: 'none',
        size: [24, 15],
        queries: [fleet('graph', { filter: { story: '$story' } })],
        empty: 'No data: set neo4j.uri and neo4j.password_file',
      }),
    )
    .withPanel(
      bars({
        title: 'Nodes by label',
        text: 'Nodes of each label.',
        unit: 'short',
        size: [8, 7],
        queries: [now('sort_desc(sum by (label) (fleet_graph_nodes))', '{{label}}')],
        empty: NEO4J,
      }),
    )
    .withPanel(
      lines({
        title: 'Relationships by type',
        text: 'Relationships of each type over time.',
        unit: 'short',
        size: [8, 7],
        queries: [range('sum by (type) (fleet_graph_relationships)', '{{type}}')],
        empty: NEO4J,
      }),
    )
    .withPanel(
      stacked({
        title: 'New nodes',
        text: 'Nodes made a second, by label.',
        unit: A_SECOND,
        size: [8, 7],
        queries: [range('sum by (label) (rate(fleet_graph_nodes_created_total[$__rate_interval]))', '{{label}}')],
        empty: NEO4J,
      }).dataLinks(built([to('events', 'Nodes as they were made', { type: 'graph.*' })])),
    );

const cache = (dashboard: DashboardBuilder): DashboardBuilder =>
  dashboard
    .withRow(row('Cache'))
    .withPanel(
      stat({
        title: 'Keys',
        text: 'Keys as of the last complete round of counting.',
        unit: 'short',
        size: [4, 4],
        queries: [now('sum(fleet_cache_keys)')],
        empty: VALKEY,
      }),
    )
    .withPanel(
      stat({
        title: 'Memory',
        text: 'Memory the server uses.',
        unit: 'bytes',
        size: [4, 4],
        queries: [now('max(fleet_cache_memory_bytes)')],
        empty: VALKEY,
      }),
    )
    .withPanel(
      stat({
        title: 'Hits',
        text: 'Reads that found their key, within the time shown.',
        unit: 'short',
        size: [4, 4],
        queries: [now('sum(increase(fleet_cache_hits_total[$__range]))')],
        empty: VALKEY,
      }),
    )
    .withPanel(
      stat({
        title: 'Misses',
        text: 'Reads that did not find their key, within the time shown.',
        unit: 'short',
        size: [4, 4],
        queries: [now('sum(increase(fleet_cache_misses_total[$__range]))')],
        empty: VALKEY,
      }),
    )
    .withPanel(
      stat({
        title: 'Hit ratio',
        text: 'Share of reads that found their key.',
        unit: 'percentunit',
        size: [4, 4],
        queries: [
          now(
            'sum(increase(fleet_cache_hits_total[$__range])) / (sum(increase(fleet_cache_hits_total[$__range])) + sum(increase(fleet_cache_misses_total[$__range])))',
          ),
        ],
        empty: VALKEY,
      }).thresholds(known(RED, [0.5, YELLOW], [0.8, GREEN])),
    )
    .withPanel(
      stat({
        title: 'Evicted keys',
        text: 'Keys thrown out for want of memory within the time shown: the fleet keeps records there, so this is lost data.',
        unit: 'short',
        size: [4, 4],
        queries: [now('sum(increase(fleet_cache_evictions_total[$__range]))')],
        empty: VALKEY,
      }).thresholds(known(GREEN, [1, RED])),
    )
    .withPanel(
      bars({
        title: 'Keys by pattern',
        text: 'Keys of each pattern in valkey.key_prefixes.',
        unit: 'short',
        size: [8, 10],
        queries: [now('sort_desc(sum by (key_prefix) (fleet_cache_keys) > 0)', '{{key_prefix}}')],
        empty: VALKEY,
      }),
    )
    .withPanel(
      stacked({
        title: 'Commands',
        text: 'Calls a second by command: reads, writes, deletions.',
        unit: 'ops',
        size: [8, 10],
        queries: [range('sum by (command) (rate(fleet_cache_commands_total[$__rate_interval]))', '{{command}}')],
        empty: VALKEY,
      }),
    )
    .withPanel(
      lines({
        title: 'Hits, misses, keys that ended',
        text: 'Reads that found their key or did not, and keys that expired or were evicted, a second.',
        unit: 'ops',
        size: [8, 10],
        queries: [
          range('sum(rate(fleet_cache_hits_total[$__rate_interval]))', 'hits'),
          range('sum(rate(fleet_cache_misses_total[$__rate_interval]))', 'misses'),
          range('sum(rate(fleet_cache_expired_total[$__rate_interval]))', 'expired'),
          range('sum(rate(fleet_cache_evictions_total[$__rate_interval]))', 'evicted'),
        ],
        empty: VALKEY,
      }),
    )
    .withPanel(
      table(
        {
          title: 'Recent activity',
          text: 'Keys as they are set, deleted, expired or evicted, where the server tells: it has notify-keyspace-events on.',
          size: [10, 11],
          queries: [fleet('cache_activity', { limit: 100 })],
          empty:
            'No activity told: set valkey.url, and notify-keyspace-events on the server (Fleetscope never switches it on)',
        },
        [
          { field: 'at', name: 'Time', unit: TIME, width: 125 },
          { field: 'event', name: 'What', width: 110 },
          { field: 'key', name: 'Key' },
        ],
      ),
    )
    .withPanel(
      sorted(
        table(
          {
            title: 'Keys by use',
            text: 'A sample of keys with time to live, type and size; how often each is used only where the server counts it (an LFU maxmemory-policy).',
            size: [14, 11],
            queries: [fleet('cache_keys', { limit: 200 })],
            empty: VALKEY,
          },
          [
            { field: 'key', name: 'Key' },
            { field: 'key_prefix', name: 'Pattern', width: 190 },
            { field: 'type', name: 'Type', width: 80 },
            { field: 'ttl_seconds', name: 'Time to live', unit: 's', width: 110 },
            { field: 'memory_bytes', name: 'Memory', unit: 'bytes', width: 90 },
            { field: 'frequency', name: 'Use', width: 70 },
          ],
        ),
        'Use',
      ),
    );
