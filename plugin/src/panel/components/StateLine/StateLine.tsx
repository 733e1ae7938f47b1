import { cx } from '@emotion/css';
import { t } from '@grafana/i18n';
import { Button, useStyles2 } from '@grafana/ui';
import React from 'react';

import { latencyText, line } from '../../state/format';
import { type Snapshot } from '../../state/snapshot';
import { testIds } from '../../testIds';
import { stateText, transportText } from '../../words';
import { getStyles } from './StateLine.styles';

/** Clocks that differ by less are not worth a word. */
const SKEW_MS = 2000;

interface Props {
  snapshot: Snapshot;
  onOlder: () => void;
}

/** What is shown, how it comes, and what is wrong with it. */
export function StateLine({ snapshot, onOlder }: Props) {
  const styles = useStyles2(getStyles);
  const { mode, state, paused, transport, detail, rows, rate, skew } = snapshot;
  const problem = snapshot.travel?.problem ?? (state === 'live' ? undefined : detail);
  const dots = { live: styles.good, connecting: styles.wait, reconnecting: styles.wait, failed: styles.bad };
  const dot = mode !== 'live' || (paused && state === 'live') ? styles.calm : dots[state];
  const via = mode === 'live' ? transportText(transport) : '';
  return (
    <div className={styles.line} data-testid={testIds.state} data-state={mode === 'live' ? state : mode}>
      <span role="status" className={cx(styles.state, problem ? styles.bad : dot)}>
        {stateText(snapshot)}
      </span>
      {via && <span>{via}</span>}
      {problem && (
        <span className={styles.detail} role="alert" title={line(problem, 1000)}>
          {line(problem, 300)}
        </span>
      )}
      {state === 'live' && detail && (
        <span className={styles.note} title={line(detail, 1000)}>
          {line(detail, 300)}
        </span>
      )}
      {Math.abs(skew) >= SKEW_MS && (
        <span className={styles.note}>
          {skew > 0
            ? t('panel.state.skew-ahead', 'The server’s clock is {{skew}} ahead', { skew: latencyText(skew) })
            : t('panel.state.skew-behind', 'The server’s clock is {{skew}} behind', { skew: latencyText(-skew) })}
        </span>
      )}
      {snapshot.older && (
        <Button
          size="sm"
          variant="secondary"
          fill="text"
          icon="arrow-up"
          data-testid={testIds.older}
          disabled={snapshot.loadingOlder}
          onClick={onOlder}
        >
          {t('panel.state.older', 'Older events')}
        </Button>
      )}
      <span className={styles.numbers}>
        {rate > 0 && `${t('panel.state.rate', '{{rate}}/s', { rate })} · `}
        {t('panel.state.rows', 'Shown: {{rows}}', { rows: rows.length.toLocaleString() })}
      </span>
    </div>
  );
}
