import { t } from '@grafana/i18n';
import { type TimeZone } from '@grafana/schema';
import { useStyles2 } from '@grafana/ui';
import React, { type KeyboardEvent, useCallback, useRef, useState } from 'react';

import { type EventFilter, type FeedSource } from '../../feed';
import { csv, fileName, ndjson } from '../../state/exports';
import { chipsOf, merge } from '../../state/filter';
import { type Density, indexOf } from '../../state/rows';
import { type Session } from '../../state/session';
import { type Snapshot, type Window } from '../../state/snapshot';
import { testIds } from '../../testIds';
import { PayloadDrawer } from '../PayloadDrawer/PayloadDrawer';
import { StateLine } from '../StateLine/StateLine';
import { Stream } from '../Stream/Stream';
import { Chips } from '../Toolbar/Chips';
import { Toolbar } from '../Toolbar/Toolbar';
import { type Span, TravelBar } from '../TravelBar/TravelBar';
import { download } from './download';
import { getStyles } from './EventStream.styles';
import { useDetail } from './useDetail';
import { useSearch } from './useSearch';
import { useSession } from './useSession';

interface Props {
  source: FeedSource;
  /** What the query and the dashboard's variables ask for. */
  outer: EventFilter;
  window: Window;
  /** The dashboard's time as its address says it. */
  range: { from: string; to: string };
  capacity: number;
  density: Density;
  showToolbar: boolean;
  tempoUid: string;
  timeZone: TimeZone;
  onDensity: (density: Density) => void;
}

const SPANS: Record<Exclude<Span, 'dashboard'>, number> = { '5m': 300_000, '1h': 3_600_000, '24h': 86_400_000 };

export function EventStream(props: Props) {
  const { source, outer, window, capacity, density } = props;
  const styles = useStyles2(getStyles);
  const query = useSearch();
  const { session, snapshot } = useSession(source, merge(outer, query.filter), window, capacity);
  const [span, setSpan] = useState<Span>('5m');
  const [active, setActive] = useState<number>();
  const [open, setOpen] = useState<number>();
  const search = useRef<HTMLInputElement>(null);
  const detail = useDetail(source, open);
  const onOlder = useCallback(() => void session.loadOlder(), [session]);
  const onRefill = useCallback((from: number, to: number) => session.refill(from, to), [session]);

  const travel = (wanted: Span) => {
    setSpan(wanted);
    const until = window.until ?? Date.now();
    void session.travel(wanted === 'dashboard' ? window.from : until - SPANS[wanted], until);
  };
  const travelling = snapshot.mode === 'travel';
  const running = travelling ? Boolean(snapshot.travel?.playing) : !snapshot.paused;
  const run = () => toggle(session, snapshot, running);

  const onKeyDown = (event: KeyboardEvent) => {
    if (open !== undefined && event.key === 'Escape') {
      setOpen(undefined);
    }
    // In a field a letter is a letter. A drawer is a portal: its keys come here too, and are its own.
    const field = event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey || event.altKey;
    if (field || open !== undefined) {
      return;
    }
    const acts: Record<string, () => void> = {
      '/': () => search.current?.focus(),
      p: run,
      t: () => (travelling ? session.backToLive() : travel(span)),
      '.': () => void (travelling && session.step()),
      ',': () => travelling && session.stepBack(),
    };
    if (acts[event.key]) {
      event.preventDefault();
      acts[event.key]();
    }
  };

  const onExport = (ending: 'ndjson' | 'csv') => {
    const lines = ending === 'csv' ? csv(snapshot.rows) : ndjson(snapshot.rows);
    const type = ending === 'csv' ? 'text/csv;charset=utf-8' : 'application/x-ndjson';
    download(fileName(Date.now(), ending), type, lines);
  };

  const openRow = open === undefined ? undefined : snapshot.rows[indexOf(snapshot.rows, open)];
  return (
    // Keys of the whole panel; each thing in it has its own besides.
    <section
      className={styles.panel}
      aria-label={t('panel.label', 'Fleet events')}
      data-testid={testIds.panel}
      onKeyDown={onKeyDown}
    >
      {props.showToolbar && (
        <Toolbar
          search={search}
          text={query.text}
          problem={query.problem}
          errorsOnly={query.filter.severity === 'error'}
          running={running}
          density={density}
          travelling={travelling}
          onText={query.type}
          onSearch={query.search}
          onErrorsOnly={query.toggleErrors}
          onRunning={run}
          onDensity={() => props.onDensity(density === 'compact' ? 'comfortable' : 'compact')}
          onTravel={() => (travelling ? session.backToLive() : travel(span))}
          onExport={onExport}
        />
      )}
      <Chips chips={chipsOf(query.filter, outer)} onRemove={query.remove} />
      <StateLine snapshot={snapshot} onOlder={onOlder} />
      <Stream
        rows={snapshot.rows}
        version={snapshot.version}
        density={density}
        utc={props.timeZone === 'utc'}
        busy={!snapshot.loaded || snapshot.loadingOlder}
        empty={emptyText(snapshot)}
        waiting={waitingText(snapshot)}
        active={active}
        selected={open}
        onActive={setActive}
        onOpen={setOpen}
        onFilter={query.add}
        onRefill={onRefill}
        onOlder={onOlder}
        onResume={() => snapshot.paused && session.resume()}
      />
      {snapshot.travel && (
        <TravelBar
          travel={snapshot.travel}
          span={span}
          timeZone={props.timeZone}
          onSpan={travel}
          onSeek={(to) => void session.seek(to)}
          onPlaying={(on) => void session.setPlaying(on)}
          onSpeed={(speed) => session.setSpeed(speed)}
          onStep={() => void session.step()}
          onStepBack={() => session.stepBack()}
          onLive={() => session.backToLive()}
        />
      )}
      {open !== undefined && (
        <PayloadDrawer
          seq={open}
          event={openRow?.kind === 'event' ? openRow.event : undefined}
          detail={detail?.detail}
          problem={detail?.problem}
          tempoUid={props.tempoUid}
          range={props.range}
          onStory={(story) => {
            setOpen(undefined);
            query.add('story', story);
          }}
          onClose={() => setOpen(undefined)}
        />
      )}
    </section>
  );
}

function toggle(session: Session, snapshot: Snapshot, running: boolean): void {
  if (snapshot.mode === 'travel') {
    void session.setPlaying(!running);
  } else if (running) {
    session.pause();
  } else {
    session.resume();
  }
}

function emptyText({ loaded, mode }: Snapshot): string {
  if (!loaded) {
    return t('panel.empty.loading', 'Loading events…');
  }
  return mode === 'live'
    ? t('panel.empty.live', 'No event matches yet. New ones appear here as they come.')
    : t('panel.empty.past', 'No event matches in this time.');
}

function waitingText({ paused, waiting, waitingMore }: Snapshot): string {
  if (!paused || waiting === 0) {
    return '';
  }
  const shown = `${waiting.toLocaleString()}${waitingMore ? '+' : ''}`;
  return t('panel.stream.waiting', 'New: {{shown}}. Show them', { shown });
}
