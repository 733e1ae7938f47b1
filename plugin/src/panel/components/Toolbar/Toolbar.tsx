import { t } from '@grafana/i18n';
import { Button, Dropdown, FilterInput, Menu, useStyles2 } from '@grafana/ui';
import React, { type KeyboardEvent, type RefObject } from 'react';

import { type FilterProblem } from '../../state/filter';
import { type Density } from '../../state/rows';
import { testIds } from '../../testIds';
import { problemText } from '../../words';
import { getStyles } from './Toolbar.styles';

interface Props {
  search: RefObject<HTMLInputElement>;
  text: string;
  problem: FilterProblem | undefined;
  errorsOnly: boolean;
  running: boolean;
  density: Density;
  travelling: boolean;
  onText: (text: string) => void;
  /** The text is meant: Enter was pressed, or the field was left. */
  onSearch: () => void;
  onErrorsOnly: () => void;
  onRunning: () => void;
  onDensity: () => void;
  onTravel: () => void;
  onExport: (ending: 'ndjson' | 'csv') => void;
}

export function Toolbar({ search, ...props }: Props) {
  const styles = useStyles2(getStyles);
  const { problem, errorsOnly, running, density, travelling } = props;
  const run = running ? t('panel.toolbar.pause', 'Pause') : t('panel.toolbar.resume', 'Resume');
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter') {
      props.onSearch();
    }
  };
  const exports = (
    <Menu>
      <Menu.Item label={t('panel.toolbar.ndjson', 'As NDJSON')} onClick={() => props.onExport('ndjson')} />
      <Menu.Item label={t('panel.toolbar.csv', 'As CSV')} onClick={() => props.onExport('csv')} />
    </Menu>
  );
  return (
    <>
      <div className={styles.bar} role="toolbar" aria-label={t('panel.toolbar.label', 'Event stream')}>
        <div className={styles.search} onKeyDown={onKeyDown} onBlur={props.onSearch} role="search">
          <FilterInput
            ref={search}
            escapeRegex={false}
            value={props.text}
            onChange={props.onText}
            aria-label={t('panel.toolbar.search', 'Filter events')}
            aria-invalid={problem !== undefined}
            placeholder={t('panel.toolbar.placeholder', 'Text, or story: role: type: severity:')}
            title={t('panel.toolbar.help', '/ filters, j k move, Enter opens, p pauses, f follows, Esc closes')}
            data-testid={testIds.search}
          />
        </div>
        <Button
          variant={errorsOnly ? 'primary' : 'secondary'}
          aria-pressed={errorsOnly}
          data-testid={testIds.errors}
          onClick={props.onErrorsOnly}
        >
          {t('panel.toolbar.errors', 'Errors')}
        </Button>
        <Button
          variant="secondary"
          icon={running ? 'pause' : 'play'}
          aria-pressed={!running}
          data-testid={testIds.pause}
          onClick={props.onRunning}
        >
          {run}
        </Button>
        <Button
          variant={travelling ? 'primary' : 'secondary'}
          icon="history"
          aria-pressed={travelling}
          data-testid={testIds.travel}
          onClick={props.onTravel}
        >
          {t('panel.toolbar.travel', 'Time travel')}
        </Button>
        <Button
          variant="secondary"
          icon="list-ul"
          aria-pressed={density === 'compact'}
          tooltip={t('panel.toolbar.density', 'One line per event')}
          aria-label={t('panel.toolbar.density', 'One line per event')}
          data-testid={testIds.density}
          onClick={props.onDensity}
        />
        <Dropdown overlay={exports} placement="bottom-end">
          <Button
            variant="secondary"
            icon="download-alt"
            aria-label={t('panel.toolbar.export', 'Export what is shown')}
            data-testid={testIds.exports}
          />
        </Dropdown>
      </div>
      {problem && (
        <div className={styles.problem} role="alert" data-testid={testIds.searchProblem}>
          {problemText(problem)}
        </div>
      )}
    </>
  );
}
