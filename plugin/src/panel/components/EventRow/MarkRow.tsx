import { t } from '@grafana/i18n';
import { Button } from '@grafana/ui';
import React from 'react';

import { type Mark } from '../../state/rows';
import { testIds } from '../../testIds';
import { markText } from '../../words';
import { type RowStyles } from './EventRow.styles';

interface Props {
  mark: Mark;
  top: number;
  styles: RowStyles;
  onRefill: (from: number, to: number) => void;
}

/** What is missing is said where it is missing. Only what the server still has can be asked for again. */
export function MarkRow({ mark, top, styles, onRefill }: Props) {
  return (
    <div className={styles.mark} role="note" data-testid={testIds.mark} style={{ transform: `translateY(${top}px)` }}>
      <span aria-hidden="true">⚠️</span>
      <span>{markText(mark)}</span>
      {mark.kind === 'gap' && mark.reason === 'slow' && (
        <Button
          size="sm"
          variant="secondary"
          fill="text"
          data-testid={testIds.refill}
          onClick={() => onRefill(mark.from, mark.to)}
        >
          {t('panel.mark.refill', 'Load them')}
        </Button>
      )}
    </div>
  );
}
