import { cx } from '@emotion/css';
import { t } from '@grafana/i18n';
import { Icon, useStyles2 } from '@grafana/ui';
import React from 'react';

import { type Chip, type FilterKey } from '../../state/filter';
import { line } from '../../state/format';
import { testIds } from '../../testIds';
import { fieldText, raw } from '../../words';
import { getStyles } from './Toolbar.styles';

interface Props {
  chips: readonly Chip[];
  onRemove: (key: FilterKey, value: string) => void;
}

/** What narrows the stream. What the dashboard chose is shown too, and is changed there. */
export function Chips({ chips, onRemove }: Props) {
  const styles = useStyles2(getStyles);
  if (chips.length === 0) {
    return null;
  }
  return (
    <ul className={styles.chips} aria-label={t('panel.chips.label', 'Filters')}>
      {chips.map(({ key, value, locked }) => {
        const shown = `${fieldText(key)}: ${line(value, 80)}`;
        return (
          <li key={`${key}:${value}`}>
            {locked ? (
              <span
                className={cx(styles.chip, styles.locked)}
                data-testid={testIds.chip}
                title={t('panel.chips.locked', 'Chosen by the dashboard')}
              >
                <Icon name="lock" size="sm" />
                <span className={styles.value}>{shown}</span>
              </span>
            ) : (
              <button
                type="button"
                className={styles.chip}
                data-testid={testIds.chip}
                aria-label={t('panel.chips.remove', 'Remove filter {{shown}}', raw({ shown }))}
                onClick={() => onRemove(key, value)}
              >
                <span className={styles.value}>{shown}</span>
                <Icon name="times" size="sm" />
              </button>
            )}
          </li>
        );
      })}
    </ul>
  );
}
