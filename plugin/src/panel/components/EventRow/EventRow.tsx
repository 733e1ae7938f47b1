import { cx } from '@emotion/css';
import { t } from '@grafana/i18n';
import React, { memo } from 'react';

import { type Delivery, type FeedEvent } from '../../feed';
import { clockText, iconOf, line, markOf, severityOf, shortId } from '../../state/format';
import { type Density, hasFacts, SHOWN_DELIVERIES } from '../../state/rows';
import { testIds } from '../../testIds';
import { consumersText, deliveryText, fieldText, guessedText, severityText } from '../../words';
import { type RowStyles } from './EventRow.styles';

interface Props {
  event: FeedEvent;
  density: Density;
  /** Where it stands, and its height, in pixels. */
  top: number;
  height: number;
  position: number;
  size: number;
  selected: boolean;
  utc: boolean;
  styles: RowStyles;
}

/** One event. Clicks are told apart by their data attributes in the stream: a thousand rows a second need no closures. */
export const EventRow = memo(function EventRow(props: Props) {
  const { event, density, top, height, position, size, selected, utc, styles } = props;
  const severity = severityOf(event.severity);
  const time = clockText(Date.parse(event.timestamp), utc);
  const type = line(event.type, 160);
  return (
    <article
      role="article"
      tabIndex={-1}
      aria-posinset={position}
      aria-setsize={size}
      aria-label={`${severityText(severity)}, ${time}, ${type}. ${line(event.summary)}`}
      data-testid={testIds.event}
      data-at={event.seq}
      data-severity={severity}
      className={cx(styles.row, styles[density], styles[severity], selected && styles.selected)}
      style={{ height, transform: `translateY(${top}px)` }}
    >
      <div className={styles.line}>
        <time className={styles.time} dateTime={line(event.timestamp, 40)}>
          {time}
        </time>
        <span className={styles.icon} aria-hidden="true">
          {iconOf(event.type)}
        </span>
        <span className={styles.type} title={type}>
          {type}
        </span>
        {severity !== 'info' && (
          <span className={cx(styles.severity, severity === 'error' ? styles.severityError : styles.severityWarning)}>
            {severityText(severity)}
          </span>
        )}
        <span className={styles.source}>{line(event.source, 20)}</span>
        {density === 'compact' && <Compact event={event} styles={styles} />}
      </div>
      {density === 'comfortable' && <Comfortable event={event} styles={styles} />}
    </article>
  );
});

type PartProps = Pick<Props, 'event' | 'styles'>;

function Compact({ event, styles }: PartProps) {
  return (
    <>
      <span className={cx(styles.summary, styles.grow)}>{line(event.summary)}</span>
      {event.story_id && <Fact name="story" value={event.story_id} styles={styles} bare />}
      {event.deliveries?.length > 0 && <span className={styles.tally}>{tally(event.deliveries)}</span>}
    </>
  );
}

/** How many consumers stand where: `✅ 3 🔁 1`. */
function tally(deliveries: readonly Delivery[]): string {
  const counts = new Map<string, number>();
  for (const { state } of deliveries) {
    counts.set(markOf(state), (counts.get(markOf(state)) ?? 0) + 1);
  }
  return [...counts].map(([mark, count]) => `${mark} ${count}`).join(' ');
}

function Comfortable({ event, styles }: PartProps) {
  return (
    <>
      {hasFacts(event) && (
        <div className={cx(styles.line, styles.indent)}>
          {event.producer && (
            <Fact name="producer" value={event.producer} styles={styles} guessed={event.producer_inferred} />
          )}
          {event.story_id && <Fact name="story" value={event.story_id} styles={styles} />}
          {event.role && <Fact name="role" value={event.role} styles={styles} />}
          {event.agent_id && <Fact name="agent" value={event.agent_id} styles={styles} />}
          {event.task_id && <Fact name="task" value={event.task_id} styles={styles} />}
          {!event.story_id && event.ceremony_id && (
            <span className={styles.fact}>
              {t('panel.field.ceremony', 'Ceremony')}: {shortId(event.ceremony_id)}
            </span>
          )}
        </div>
      )}
      {event.summary && (
        <div className={cx(styles.line, styles.indent)}>
          <span className={styles.summary}>{line(event.summary)}</span>
        </div>
      )}
      {event.deliveries?.length > 0 && <Deliveries deliveries={event.deliveries} styles={styles} />}
    </>
  );
}

interface FactProps {
  name: 'producer' | 'story' | 'role' | 'agent' | 'task';
  value: string;
  styles: RowStyles;
  guessed?: boolean;
  bare?: boolean;
}

/** A fact one can filter by. */
function Fact({ name, value, styles, guessed, bare }: FactProps) {
  return (
    <span className={styles.fact}>
      {!bare && `${fieldText(name)}: `}
      <button
        type="button"
        tabIndex={-1}
        className={styles.value}
        data-key={name}
        data-value={value}
        title={line(value, 200)}
      >
        {shortId(value)}
      </button>
      {guessed && ` (${guessedText()})`}
    </span>
  );
}

/** As the plan draws it: the consumers as branches of the event. */
function Deliveries({ deliveries, styles }: { deliveries: readonly Delivery[]; styles: RowStyles }) {
  const shown = deliveries.slice(0, SHOWN_DELIVERIES);
  const left = deliveries.length - shown.length;
  return (
    <>
      <div className={cx(styles.line, styles.indent)}>
        <span className={styles.branch}>├─</span>
        <span className={styles.fact}>{consumersText(deliveries.length)}</span>
      </div>
      {shown.map((delivery, i) => (
        <div key={i} className={cx(styles.line, styles.indent)}>
          <span className={styles.branch}>{i === shown.length - 1 && left === 0 ? '└─>' : '├─>'}</span>
          <span className={styles.consumer}>{shortId(delivery.consumer, 48)}</span>
          <span className={styles.told}>
            {markOf(delivery.state)}{' '}
            {delivery.attempts > 1 && delivery.state === 'acked' && `🔁 ×${delivery.attempts} `}
            {deliveryText(delivery)}
          </span>
        </div>
      ))}
      {left > 0 && (
        <div className={cx(styles.line, styles.indent)}>
          <span className={styles.branch}>└─&gt;</span>
          <span className={styles.fact}>{t('panel.row.more', '{{left}} more', { left })}</span>
        </div>
      )}
    </>
  );
}
