// Fleetscope itself: whether it sees, keeps and tells all there is.
import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { board } from './board';
import { DOWN, OTLP, keeping, logging, telling } from './self-out';
import { lines, quantiles, row, stacked, stat, tiles } from './panels';
import { now, range } from './sources';
import { A_SECOND, GREEN, RED, UP, known, words } from './values';

export const self = (): DashboardBuilder =>
  [state, intake, keeping, telling, logging].reduce(
    (dashboard, part) => part(dashboard),
    board({
      name: 'self',
      title: 'Fleetscope itself',
      description: 'Whether Fleetscope sees, keeps and tells all there is; its runbook is docs/RUNBOOK.md.',
      refresh: '10s',
      from: 'now-1h',
    }),
  );

const state = (dashboard: DashboardBuilder): DashboardBuilder =>
  dashboard
    .withRow(row('State'))
    .withPanel(
      tiles({
        title: 'Version',
        text: 'The versions that run.',
        unit: 'none',
        size: [4, 4],
        queries: [now('max by (version) (fleetscope_build_info)', '{{version}}')],
        empty: DOWN,
      }).mappings(words({ 1: ['runs', GREEN] })),
    )
    .withPanel(
      stat({
        title: 'Uptime',
        text: 'Time since the daemon started.',
        unit: 's',
        size: [4, 4],
        queries: [now('time() - max(fleetscope_start_time_seconds)')],
        empty: DOWN,
      }),
    )
    .withPanel(
      stat({
        title: 'Journal takes records',
        text: 'Whether the history can be written: not when its disk is full or read-only.',
        unit: 'none',
        size: [4, 4],
        queries: [now('min(fleetscope_journal_writable)')],
        empty: DOWN,
      })
        .mappings(words({ 1: ['yes', GREEN], 0: ['NO', RED] }))
        .thresholds(known(RED, [1, GREEN])),
    )
    .withPanel(
      stat({
        title: 'Trace backend',
        text: 'Whether the backend took the last request with spans.',
        unit: 'none',
        size: [4, 4],
        queries: [now('min(fleetscope_otlp_up)')],
        empty: OTLP,
      })
        .mappings(UP)
        .thresholds(known(RED, [1, GREEN])),
    )
    .withPanel(
      stat({
        title: 'Viewers',
        text: 'Clients of the live feed that are connected.',
        unit: 'short',
        size: [4, 4],
        queries: [now('sum(fleetscope_feed_clients) or vector(0)')],
        empty: DOWN,
      }),
    )
    .withPanel(
      stat({
        title: 'Messages missed',
        text: 'Messages that were gone before they could be read, within the time shown.',
        unit: 'short',
        size: [4, 4],
        queries: [now('sum(increase(fleetscope_source_missed_messages_total[$__range])) or vector(0)')],
        empty: DOWN,
      })
        .decimals(0)
        .thresholds(known(GREEN, [1, RED])),
    );

const intake = (dashboard: DashboardBuilder): DashboardBuilder =>
  dashboard
    .withRow(row('What comes in'))
    .withPanel(
      tiles({
        title: 'Sources',
        text: 'Whether each system that is watched answers.',
        unit: 'none',
        size: [24, 4],
        queries: [now('min by (source) (fleetscope_source_up)', '{{source}}')],
        empty: 'No source is configured, or Prometheus does not scrape Fleetscope',
      })
        .mappings(UP)
        .thresholds(known(RED, [1, GREEN])),
    )
    .withPanel(
      stacked({
        title: 'Events taken',
        text: 'Events a second by what became of them: the ledger in which each is counted once.',
        unit: 'eps',
        size: [8, 8],
        queries: [
          range(
            'sum by (outcome) (rate(fleetscope_events_total{outcome!="received"}[$__rate_interval]))',
            '{{outcome}}',
          ),
        ],
        empty: DOWN,
      }),
    )
    .withPanel(
      lines({
        title: 'Lag of sources',
        text: 'Age of the newest event taken from each source that has more waiting.',
        unit: 's',
        size: [8, 8],
        queries: [range('max by (source) (fleetscope_source_lag_seconds)', '{{source}}')],
        empty: 'No data: set nats.url',
      }),
    )
    .withPanel(
      lines({
        title: 'Failures of sources',
        text: 'Questions without an answer a second, by source and reason.',
        unit: A_SECOND,
        size: [8, 8],
        queries: [
          range(
            'sum by (source, reason) (rate(fleetscope_source_errors_total[$__rate_interval]))',
            '{{source}} {{reason}}',
          ),
        ],
        empty: 'No failure yet',
      }),
    )
    .withPanel(
      quantiles({
        title: 'Time of questions',
        text: 'The 95th percentile of asking each watched system once.',
        unit: 's',
        size: [8, 8],
        queries: [
          range(
            'histogram_quantile(0.95, sum by (le, source) (rate(fleetscope_source_poll_duration_seconds_bucket[$__rate_interval])))',
            '{{source}}',
          ),
        ],
        empty: 'No watched system but NATS is configured',
      }),
    )
    .withPanel(
      lines({
        title: 'Waiting before ingest',
        text: 'Batches between sources and ingest, and acknowledgements that wait for their message.',
        unit: 'short',
        size: [8, 8],
        queries: [
          range('max(fleetscope_ingest_queue_batches)', 'batches'),
          range('sum by (source) (fleetscope_events_waiting)', '{{source}} acknowledgements'),
        ],
        empty: DOWN,
      }),
    )
    .withPanel(
      lines({
        title: 'Given up and left out',
        text: 'State that correlation gave up to stay within its bounds, label values left out, and reconnects, a second.',
        unit: A_SECOND,
        size: [8, 8],
        queries: [
          range('sum by (what) (rate(fleetscope_correlate_evicted_total[$__rate_interval]))', 'state: {{what}}'),
          range('sum by (metric) (rate(fleetscope_label_overflow_total[$__rate_interval]))', 'label of {{metric}}'),
          range(
            'sum by (source) (rate(fleetscope_source_reconnects_total[$__rate_interval]))',
            'reconnect: {{source}}',
          ),
          range('sum by (source) (rate(fleetscope_source_ignored_total[$__rate_interval]))', 'ignored: {{source}}'),
        ],
        empty: 'Nothing was given up yet',
      }),
    );
