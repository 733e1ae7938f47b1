import { dateTimeFormat } from '@grafana/data';
import { t } from '@grafana/i18n';
import { type TimeZone } from '@grafana/schema';
import { Button, Dropdown, Menu, RadioButtonGroup, useStyles2 } from '@grafana/ui';
import React, { type CSSProperties, useEffect, useRef, useState } from 'react';

import { SPEEDS } from '../../state/clock';
import { type Travel } from '../../state/player';
import { testIds } from '../../testIds';
import { getStyles } from './TravelBar.styles';

export type Span = '5m' | '1h' | '24h' | 'dashboard';

/** A drag passes through many places; the history is asked for the one where it rests. */
const REST_MS = 150;
const TIME = 'YYYY-MM-DD HH:mm:ss';

interface Props {
  travel: Travel;
  span: Span;
  timeZone: TimeZone;
  onSpan: (span: Span) => void;
  onSeek: (to: number) => void;
  onPlaying: (on: boolean) => void;
  onSpeed: (speed: number) => void;
  onStep: () => void;
  onStepBack: () => void;
  onLive: () => void;
}

export function TravelBar(props: Props) {
  const { travel, span, timeZone } = props;
  const styles = useStyles2(getStyles);
  const [dragged, drag] = useDrag(props.onSeek);
  const position = dragged ?? travel.position;
  const passed = (100 * (position - travel.from)) / Math.max(1, travel.until - travel.from);
  const text = (ms: number) => dateTimeFormat(ms, { format: TIME, timeZone });
  const play = travel.playing ? t('panel.travel.pause', 'Pause') : t('panel.travel.play', 'Play');
  const speeds = (
    <Menu>
      {SPEEDS.map((speed) => (
        <Menu.Item
          key={speed}
          label={`${speed}×`}
          active={speed === travel.speed}
          onClick={() => props.onSpeed(speed)}
        />
      ))}
    </Menu>
  );
  return (
    <div
      className={styles.bar}
      role="group"
      aria-label={t('panel.travel.label', 'Time travel')}
      data-testid={testIds.travelBar}
    >
      <div className={styles.line}>
        <span className={styles.end}>{text(travel.from)}</span>
        <input
          type="range"
          className={styles.slider}
          style={{ '--passed': `${passed}%` } as CSSProperties}
          min={travel.from}
          max={travel.until}
          step={Math.max(1, Math.round((travel.until - travel.from) / 1000))}
          value={position}
          aria-label={t('panel.travel.slider', 'Time')}
          aria-valuetext={text(position)}
          data-testid={testIds.slider}
          onChange={(event) => drag(Number(event.target.value))}
        />
        <span className={styles.end}>{text(travel.until)}</span>
      </div>
      <div className={styles.line}>
        <Button
          size="sm"
          variant="secondary"
          icon="step-backward"
          aria-label={t('panel.travel.step-back', 'One event back')}
          data-testid={testIds.stepBack}
          onClick={props.onStepBack}
        />
        <Button
          size="sm"
          icon={travel.playing ? 'pause' : 'play'}
          data-testid={testIds.play}
          onClick={() => props.onPlaying(!travel.playing)}
        >
          {play}
        </Button>
        <Button
          size="sm"
          variant="secondary"
          icon="forward"
          aria-label={t('panel.travel.step', 'One event on')}
          data-testid={testIds.step}
          onClick={props.onStep}
        />
        <Dropdown overlay={speeds} placement="top-start">
          <Button size="sm" variant="secondary" icon="angle-down" data-testid={testIds.speed}>
            {t('panel.travel.speed', 'Speed {{speed}}×', { speed: travel.speed })}
          </Button>
        </Dropdown>
        <span className={styles.position} data-testid={testIds.position}>
          {text(position)}
        </span>
        <RadioButtonGroup<Span>
          size="sm"
          aria-label={t('panel.travel.span', 'Span')}
          value={span}
          options={[
            { value: '5m', label: t('panel.travel.5m', '5 min') },
            { value: '1h', label: t('panel.travel.1h', '1 h') },
            { value: '24h', label: t('panel.travel.24h', '24 h') },
            { value: 'dashboard', label: t('panel.travel.dashboard', 'Dashboard') },
          ]}
          onChange={props.onSpan}
        />
        <Button
          size="sm"
          variant="secondary"
          icon="arrow-right"
          className={styles.last}
          data-testid={testIds.backToLive}
          onClick={props.onLive}
        >
          {t('panel.travel.back', 'Back to live')}
        </Button>
      </div>
    </div>
  );
}

/** Where the slider is held, until it rests. */
function useDrag(onSeek: (to: number) => void): [number | undefined, (to: number) => void] {
  const [dragged, setDragged] = useState<number>();
  const seek = useRef(onSeek);
  useEffect(() => {
    seek.current = onSeek;
  }, [onSeek]);
  useEffect(() => {
    if (dragged === undefined) {
      return undefined;
    }
    const timer = setTimeout(() => {
      seek.current(dragged);
      setDragged(undefined);
    }, REST_MS);
    return () => clearTimeout(timer);
  }, [dragged]);
  return [dragged, setDragged];
}
