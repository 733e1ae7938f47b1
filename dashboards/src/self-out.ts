// Fleetscope itself, the way out: what it keeps, and whom it tells.
import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { lines, painted, quantiles, row, stacked } from './panels';
import { range } from './sources';
import { A_SECOND, GREEN, YELLOW, steps } from './values';

export const DOWN = 'No data: Prometheus does not scrape Fleetscope';
export const OTLP = 'No data: set otlp.endpoint';
const LOGS = 'No data: set logs.endpoint';

export const keeping = (dashboard: DashboardBuilder): DashboardBuilder =>
  dashboard
    .withRow(row('What is kept'))
    .withPanel(
      lines({
        title: 'Journal on disk',
        text: 'Bytes in use; beyond journal.retain_bytes the oldest records go.',
        unit: 'bytes',
        size: [6, 8],
        queries: [
          range('max(fleetscope_journal_bytes)', 'in use'),
          range('max(fleetscope_journal_limit_bytes)', 'journal.retain_bytes'),
        ],
        empty: DOWN,
      }),
    )
    .withPanel(
      lines({
        title: 'Records',
        text: 'Records held.',
        unit: 'short',
        size: [6, 8],
        queries: [range('max(fleetscope_journal_entries)', 'records')],
        empty: DOWN,
      }),
    )
    .withPanel(
      lines({
        title: 'How far back',
        text: 'Age of the oldest record held.',
        unit: 's',
        size: [6, 8],
        queries: [range('time() - min(fleetscope_journal_oldest_timestamp_seconds > 0)', 'oldest')],
        empty: DOWN,
      }),
    )
    .withPanel(
      quantiles({
        title: 'Time of a commit',
        text: 'Median and 99th percentile of the time to commit a batch, and failed commits a second.',
        unit: 's',
        size: [6, 8],
        queries: [
          range(
            'histogram_quantile(0.5, sum by (le) (rate(fleetscope_journal_append_seconds_bucket[$__rate_interval])))',
            'median',
          ),
          range(
            'histogram_quantile(0.99, sum by (le) (rate(fleetscope_journal_append_seconds_bucket[$__rate_interval])))',
            '99 %',
          ),
        ],
        empty: DOWN,
      }),
    )
    .withPanel(
      lines({
        title: 'Records removed, commits that failed',
        text: 'Records removed by age or size, and commits that have to be tried again, a second.',
        unit: A_SECOND,
        size: [6, 7],
        queries: [
          range('sum by (reason) (rate(fleetscope_journal_expired_total[$__rate_interval]))', 'removed: {{reason}}'),
          range('sum by (reason) (rate(fleetscope_journal_errors_total[$__rate_interval]))', 'failed: {{reason}}'),
        ],
        empty: DOWN,
      }),
    )
    .withPanel(
      lines({
        title: 'Memory of the daemon',
        text: 'What it allocated itself, and all that is resident, pages of the journal included.',
        unit: 'bytes',
        size: [6, 7],
        queries: [
          range('max(fleetscope_anonymous_memory_bytes)', 'allocated'),
          range('max(fleetscope_resident_memory_bytes)', 'resident'),
        ],
        empty: DOWN,
      }),
    )
    .withPanel(
      lines({
        title: 'States of the past asked for',
        text: 'Requests with at= a second, by how they ended: made anew, kept from before, refused, gone.',
        unit: A_SECOND,
        size: [6, 7],
        queries: [range('sum by (outcome) (rate(fleetscope_past_states_total[$__rate_interval]))', '{{outcome}}')],
        empty: 'No data: nobody asked for a time before',
      }),
    )
    .withPanel(
      quantiles({
        title: 'Time to make one',
        text: 'Median and 99th percentile of the time to make the state of a time again from the journal.',
        unit: 's',
        size: [6, 7],
        queries: [
          range(
            'histogram_quantile(0.5, sum by (le) (rate(fleetscope_past_state_seconds_bucket[$__rate_interval])))',
            'median',
          ),
          range(
            'histogram_quantile(0.99, sum by (le) (rate(fleetscope_past_state_seconds_bucket[$__rate_interval])))',
            '99 %',
          ),
        ],
        empty: 'No data: nobody asked for a time before',
      }),
    );

export const telling = (dashboard: DashboardBuilder): DashboardBuilder =>
  dashboard
    .withRow(row('What is told'))
    .withPanel(
      painted(
        stacked({
          title: 'Spans',
          text: 'Spans a second by what became of them.',
          unit: A_SECOND,
          size: [8, 8],
          queries: [
            range(
              'sum by (outcome) (rate(fleetscope_spans_total{outcome!="created"}[$__rate_interval]))',
              '{{outcome}}',
            ),
          ],
          empty: OTLP,
        }),
      ),
    )
    .withPanel(
      lines({
        title: 'Spans that wait',
        text: 'Records not sent yet, spans sent and not settled, and spans sent again a second.',
        unit: 'short',
        size: [8, 8],
        queries: [
          range('max(fleetscope_otlp_lag_records)', 'records not sent'),
          range('max(fleetscope_spans_open)', 'spans not settled'),
          range('sum by (reason) (rate(fleetscope_spans_resent_total[$__rate_interval]))', 'again: {{reason}}'),
        ],
        empty: OTLP,
      }),
    )
    .withPanel(
      lines({
        title: 'Requests to the trace backend',
        text: 'Requests a second by outcome.',
        unit: 'reqps',
        size: [8, 8],
        queries: [range('sum by (outcome) (rate(fleetscope_otlp_requests_total[$__rate_interval]))', '{{outcome}}')],
        empty: OTLP,
      }),
    )
    .withPanel(
      quantiles({
        title: 'Latency of the live feed',
        text: 'Time from a message being stored to it being handed to a viewer’s socket.',
        unit: 's',
        size: [8, 8],
        queries: [
          range(
            'histogram_quantile(0.5, sum by (le) (rate(fleetscope_feed_latency_seconds_bucket[$__rate_interval])))',
            'median',
          ),
          range(
            'histogram_quantile(0.99, sum by (le) (rate(fleetscope_feed_latency_seconds_bucket[$__rate_interval])))',
            '99 %',
          ),
        ],
        empty: 'Nobody watches the live feed',
      }).thresholds(steps(GREEN, [0.1, YELLOW])),
    )
    .withPanel(
      lines({
        title: 'Viewers, and what they were not sent',
        text: 'Clients by transport, entries not sent to slow ones and clients sent away, a second.',
        unit: 'short',
        size: [8, 8],
        queries: [
          range('sum by (transport) (fleetscope_feed_clients)', '{{transport}}'),
          range('sum by (reason) (rate(fleetscope_feed_dropped_total[$__rate_interval]))', 'not sent: {{reason}}'),
          range('sum by (reason) (rate(fleetscope_feed_evicted_total[$__rate_interval]))', 'sent away: {{reason}}'),
        ],
        empty: 'Nobody has watched the live feed yet',
      }),
    )
    .withPanel(
      stacked({
        title: 'HTTP requests',
        text: 'Requests a second by route and status.',
        unit: 'reqps',
        size: [8, 8],
        queries: [
          range('sum by (route, code) (rate(fleetscope_http_requests_total[$__rate_interval]))', '{{route}} {{code}}'),
        ],
        empty: DOWN,
      }),
    )
    .withPanel(
      painted(
        stacked({
          title: 'Log lines',
          text: 'Lines of the daemon’s own log a second, by level.',
          unit: A_SECOND,
          size: [16, 7],
          queries: [range('sum by (level) (rate(fleetscope_log_lines_total[$__rate_interval]))', '{{level}}')],
          empty: DOWN,
        }),
      ),
    )
    .withPanel(
      lines({
        title: 'Waiting for viewers',
        text: 'Bytes that wait for clients of the live feed, counted once for each that has not taken them.',
        unit: 'bytes',
        size: [8, 7],
        queries: [range('max(fleetscope_feed_queued_bytes)', 'bytes')],
        empty: DOWN,
      }),
    )
    .withPanel(
      lines({
        title: 'Exports',
        text: 'Exports being written, exports that ended a second by how, and entries written a second.',
        unit: 'short',
        size: [12, 7],
        queries: [
          range('sum by (format) (fleetscope_exports_running)', 'running: {{format}}'),
          range('sum by (outcome) (rate(fleetscope_exports_total[$__rate_interval]))', 'ended: {{outcome}}'),
          range('sum by (format) (rate(fleetscope_export_entries_total[$__rate_interval]))', 'entries: {{format}}'),
        ],
        empty: 'Nobody has exported anything yet',
      }),
    )
    .withPanel(
      lines({
        title: 'Bytes of exports',
        text: 'Bytes written by exports a second, before compression.',
        unit: 'Bps',
        size: [12, 7],
        queries: [range('sum by (format) (rate(fleetscope_export_bytes_total[$__rate_interval]))', '{{format}}')],
        empty: 'Nobody has exported anything yet',
      }),
    );

/** Events as log records, where they are sent. */
export const logging = (dashboard: DashboardBuilder): DashboardBuilder =>
  dashboard
    .withRow(row('What is told as logs'))
    .withPanel(
      painted(
        stacked({
          title: 'Log records',
          text: 'Log records a second by what became of them.',
          unit: A_SECOND,
          size: [8, 8],
          queries: [
            range(
              'sum by (outcome) (rate(fleetscope_log_records_total{outcome!="created"}[$__rate_interval]))',
              '{{outcome}}',
            ),
          ],
          empty: LOGS,
        }),
      ),
    )
    .withPanel(
      lines({
        title: 'Log records that wait',
        text: 'Records not sent yet, log records sent and not settled, and log records sent again a second.',
        unit: 'short',
        size: [8, 8],
        queries: [
          range('max(fleetscope_logs_lag_records)', 'records not sent'),
          range('max(fleetscope_log_records_open)', 'log records not settled'),
          range('sum by (reason) (rate(fleetscope_log_records_resent_total[$__rate_interval]))', 'again: {{reason}}'),
        ],
        empty: LOGS,
      }),
    )
    .withPanel(
      lines({
        title: 'Requests to the log backend',
        text: 'Requests a second by outcome, and whether it took the last one (1) or not (0).',
        unit: 'reqps',
        size: [8, 8],
        queries: [
          range('sum by (outcome) (rate(fleetscope_logs_requests_total[$__rate_interval]))', '{{outcome}}'),
          range('min(fleetscope_logs_up)', 'takes log records'),
        ],
        empty: LOGS,
      }),
    );
