import { t } from '@grafana/i18n';
import { useStyles2 } from '@grafana/ui';
import React from 'react';

import { type EventDetail, type FeedEvent } from '../../feed';
import { line } from '../../state/format';
import { fieldText, guessedText, severityText } from '../../words';
import { getStyles } from './PayloadDrawer.styles';

interface Props {
  event: FeedEvent;
  detail: EventDetail | undefined;
}

/** Ids, times and names; what is not known says why, where the server told. */
export function Facts({ event, detail }: Props) {
  const styles = useStyles2(getStyles);
  const guessed = event.producer_inferred ? ` (${guessedText()})` : '';
  const facts: Array<[string, string | null | undefined]> = [
    [t('panel.fact.subject', 'Subject'), event.subject],
    [fieldText('severity'), severityText(event.severity)],
    [t('panel.fact.timestamp', 'Stored'), event.timestamp],
    [t('panel.fact.received', 'Seen'), event.received],
    [t('panel.fact.claimed', 'Claimed'), detail?.claimed],
    [fieldText('source'), `${event.source} · ${event.id}`],
    [fieldText('producer'), event.producer ? `${event.producer}${guessed}` : detail?.unknown?.producer],
    [fieldText('story'), event.story_id],
    [fieldText('task'), event.task_id],
    [t('panel.field.ceremony', 'Ceremony'), event.ceremony_id],
    [t('panel.field.plan', 'Plan'), event.plan_id],
    [fieldText('role'), event.role],
    [fieldText('agent'), event.agent_id],
    [t('panel.fact.trace', 'Trace'), event.trace_id],
  ];
  return (
    <dl className={styles.facts}>
      {facts.map(
        ([name, value]) =>
          value && (
            <React.Fragment key={name}>
              <dt>{name}</dt>
              <dd>{line(value, 1000)}</dd>
            </React.Fragment>
          )
      )}
    </dl>
  );
}
