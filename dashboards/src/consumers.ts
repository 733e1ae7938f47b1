// Who takes messages, and whether messages are what their takers need.
import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { board, labelled } from './board';
import { built, label, to } from './links';
import { lines, painted, quantiles, row, stacked, stat } from './panels';
import { METRICS, fleet, now, range, rows } from './sources';
import { sorted, table } from './table';
import { A_SECOND, CONSUMER_HEALTH, GREEN, RED, YELLOW, known, words } from './values';

const NATS = 'No data: set nats.url';
const TAP = 'No data: nats.ack_tap is off, or nothing was acknowledged';
const only = built([to('consumers', 'Only this consumer', { consumer: label('consumer') })]);

export const consumers = (): DashboardBuilder =>
  [lag, contract].reduce(
    (dashboard, part) => part(dashboard),
    board({
      name: 'consumers',
      title: 'Consumers and contract',
      description:
        'Durable consumers: what waits for them, what they refuse, how long they take; and messages that lack what their consumers need.',
      refresh: '5s',
      from: 'now-30m',
    }).withVariable(labelled('consumer', 'Consumer', 'label_values(fleet_consumer_pending_messages, consumer)')),
  );

const lag = (dashboard: DashboardBuilder): DashboardBuilder =>
  dashboard
    .withRow(row('Consumers'))
    .withPanel(
      stat({
        title: 'Messages that wait',
        text: 'Messages that consumers have not been given yet.',
        unit: 'short',
        size: [6, 4],
        queries: [now('sum(fleet_consumer_pending_messages{consumer=~"$consumer"})')],
        empty: NATS,
      }).thresholds(known(GREEN, [1000, YELLOW])),
    )
    .withPanel(
      stat({
        title: 'Given and not settled',
        text: 'Messages given to consumers that they have neither acknowledged nor refused.',
        unit: 'short',
        size: [6, 4],
        queries: [now('sum(fleet_consumer_ack_pending_messages{consumer=~"$consumer"})')],
        empty: NATS,
      }),
    )
    .withPanel(
      stat({
        title: 'Naks a second',
        text: 'Messages given back; more than one a second for minutes is a loop.',
        unit: A_SECOND,
        size: [6, 4],
        queries: [
          now('sum(rate(fleet_deliveries_total{consumer=~"$consumer",outcome="nak"}[$__rate_interval])) or vector(0)'),
        ],
        empty: TAP,
      }).thresholds(known(GREEN, [0.2, YELLOW], [1, RED])),
    )
    .withPanel(
      stat({
        title: 'Given up',
        text: 'Messages within the time shown that no consumer will be given again (term, max_deliveries).',
        unit: 'short',
        size: [6, 4],
        queries: [
          now(
            'sum(increase(fleet_deliveries_total{consumer=~"$consumer",outcome=~"term|max_deliveries"}[$__range])) or vector(0)',
          ),
        ],
        empty: TAP,
      })
        .decimals(0)
        .thresholds(known(GREEN, [1, RED])),
    )
    .withPanel(
      sorted(
        table(
          {
            title: 'Durable consumers',
            text: 'Each consumer with its health, what waits for it, what it has not settled, and when it last moved on.',
            size: [24, 13],
            queries: [fleet('consumers', { filter: { consumer: '$consumer' }, limit: 500 })],
            empty: NATS,
          },
          [
            {
              field: 'consumer',
              name: 'Consumer',
              width: 330,
              links: [to('consumers', 'Only this consumer', { consumer: '${__value.raw:percentencode}' })],
            },
            { field: 'stream', name: 'Stream', width: 180 },
            { field: 'health', name: 'Health', mappings: CONSUMER_HEALTH, width: 110 },
            { field: 'pending', name: 'Waiting', width: 80 },
            { field: 'ack_pending', name: 'Not settled', width: 95 },
            { field: 'redelivered', name: 'Redelivered', width: 100 },
            { field: 'ack_floor_age_seconds', name: 'Last moved on', unit: 's', width: 115 },
            { field: 'delivered_at', name: 'Last given', unit: 'dateTimeFromNow', width: 130 },
            {
              field: 'tapped',
              name: 'Acks seen',
              mappings: words({ true: ['yes', GREEN], false: ['no: polled', YELLOW] }),
              width: 95,
            },
            {
              field: 'paused',
              name: 'Paused',
              mappings: words({ true: ['paused', YELLOW], false: ['no', 'text'] }),
              width: 75,
            },
            { field: 'filters', name: 'Subjects' },
            // Beyond the edge of most screens.
            { field: 'max_deliver', name: 'Most deliveries', mappings: words({ '-1': ['any', 'text'] }), width: 120 },
            { field: 'ack_wait_seconds', name: 'Time to ack', unit: 's', width: 105 },
            { field: 'mode', name: 'Mode', width: 70 },
          ],
        ),
        'Waiting',
      ),
    )
    .withPanel(
      lines({
        title: 'Lag',
        text: 'Messages that each consumer has not been given yet.',
        unit: 'short',
        size: [12, 8],
        queries: [
          range(
            'sum by (stream, consumer) (fleet_consumer_pending_messages{consumer=~"$consumer"}) > 0',
            '{{consumer}}',
          ),
        ],
        empty: 'Nothing waits, or nats.url is not set',
      }).dataLinks(only),
    )
    .withPanel(
      lines({
        title: 'Given and not settled, by consumer',
        text: 'Messages in the hands of each consumer.',
        unit: 'short',
        size: [12, 8],
        queries: [
          range(
            'sum by (stream, consumer) (fleet_consumer_ack_pending_messages{consumer=~"$consumer"}) > 0',
            '{{consumer}}',
          ),
        ],
        empty: 'Nothing is unsettled, or nats.url is not set',
      }).dataLinks(only),
    )
    .withPanel(
      lines({
        title: 'Nak loops',
        text: 'Messages given back a second, by consumer.',
        unit: A_SECOND,
        size: [8, 8],
        queries: [
          range(
            'sum by (stream, consumer) (rate(fleet_deliveries_total{consumer=~"$consumer",outcome="nak"}[$__rate_interval]))',
            '{{consumer}}',
          ),
        ],
        empty: 'No nak was seen',
      }).dataLinks(only),
    )
    .withPanel(
      quantiles({
        title: 'Time to acknowledgement',
        text: 'The 95th percentile of the time from a message being stored to its acknowledgement.',
        unit: 's',
        size: [8, 8],
        queries: [
          range(
            'histogram_quantile(0.95, sum by (le, consumer) (rate(fleet_delivery_duration_seconds_bucket{consumer=~"$consumer"}[$__rate_interval])))',
            '{{consumer}}',
          ),
        ],
        empty: TAP,
      }).dataLinks(only),
    )
    .withPanel(
      lines({
        title: 'Time without moving on',
        text: 'Time since the ack floor of consumers that have something to take last moved.',
        unit: 's',
        size: [8, 8],
        queries: [
          range(
            '(time() - max by (stream, consumer) (fleet_consumer_ack_floor_timestamp_seconds{consumer=~"$consumer"})) and (sum by (stream, consumer) (fleet_consumer_pending_messages{consumer=~"$consumer"}) + sum by (stream, consumer) (fleet_consumer_ack_pending_messages{consumer=~"$consumer"}) > 0)',
            '{{consumer}}',
          ),
        ],
        empty: 'No consumer has anything to take, or nats.url is not set',
      }).dataLinks(only),
    )
    .withPanel(
      lines({
        title: 'Redelivered',
        text: 'Messages being redelivered to each consumer.',
        unit: 'short',
        size: [8, 8],
        queries: [
          range(
            'sum by (stream, consumer) (fleet_consumer_redelivered_messages{consumer=~"$consumer"}) > 0',
            '{{consumer}}',
          ),
        ],
        empty: 'Nothing is redelivered, or nats.url is not set',
      }).dataLinks(only),
    )
    .withPanel(
      painted(
        stacked({
          title: 'Deliveries',
          text: 'Acknowledgements, naks, redeliveries and messages given up, a second.',
          unit: A_SECOND,
          size: [8, 8],
          queries: [
            range(
              'sum by (outcome) (rate(fleet_deliveries_total{consumer=~"$consumer"}[$__rate_interval]))',
              '{{outcome}}',
            ),
          ],
          empty: TAP,
        }),
      ),
    )
    .withPanel(
      lines({
        title: 'Streams',
        text: 'Bytes each stream holds.',
        unit: 'bytes',
        size: [8, 8],
        queries: [range('sum by (stream) (fleet_stream_bytes)', '{{stream}}')],
        empty: NATS,
      }),
    )
    .withPanel(
      lines({
        title: 'How full streams are',
        text: 'Messages held of what each stream may hold, or bytes where only those are limited; beyond it the oldest go, taken or not.',
        unit: 'percentunit',
        size: [24, 7],
        queries: [
          range(
            'max by (stream) (fleet_stream_messages / fleet_stream_limit_messages or fleet_stream_bytes / fleet_stream_limit_bytes)',
            '{{stream}}',
          ),
        ],
        empty: 'No stream has a limit',
      }),
    );

const contract = (dashboard: DashboardBuilder): DashboardBuilder =>
  dashboard
    .withRow(row('Contract'))
    .withPanel(
      table(
        {
          title: 'Messages that lack what their consumers need',
          text: 'How often each rule was broken within the time shown, by type of message.',
          size: [12, 10],
          source: METRICS,
          queries: [
            rows('sort_desc(sum by (event_type, rule) (increase(fleet_contract_violations_total[$__range])) > 0)'),
          ],
          empty: 'No message broke a rule',
        },
        [
          {
            field: 'event_type',
            name: 'Type',
            links: [to('events', 'Messages of this type', { type: '${__value.raw:percentencode}' })],
          },
          { field: 'rule', name: 'Rule' },
          { field: 'Value', name: 'Times', unit: 'short', width: 90 },
        ],
      ),
    )
    .withPanel(
      stacked({
        title: 'Contract drift',
        text: 'Messages a second that break a rule, by rule.',
        unit: A_SECOND,
        size: [12, 10],
        queries: [range('sum by (rule) (rate(fleet_contract_violations_total[$__rate_interval]))', '{{rule}}')],
        empty: 'No message broke a rule',
      }),
    )
    .withPanel(
      stacked({
        title: 'Messages that could not be decoded',
        text: 'Messages a second that are kept as they are, by reason.',
        unit: A_SECOND,
        size: [12, 7],
        queries: [
          range(
            'sum by (source, reason) (rate(fleetscope_undecodable_events_total[$__rate_interval]))',
            '{{source}} {{reason}}',
          ),
        ],
        empty: 'All could be decoded',
      }),
    )
    .withPanel(
      stacked({
        title: 'Secrets masked',
        text: 'Secrets that were in messages and were masked before anything was kept, a second.',
        unit: A_SECOND,
        size: [12, 7],
        queries: [range('sum by (source) (rate(fleetscope_masked_secrets_total[$__rate_interval]))', '{{source}}')],
        empty: 'No secret was seen',
      }),
    );
