import { t } from '@grafana/i18n';
import { Button, useStyles2 } from '@grafana/ui';
import { defaultRangeExtractor, type Range, useVirtualizer } from '@tanstack/react-virtual';
import React, { type KeyboardEvent, type MouseEvent, useCallback, useEffect } from 'react';

import { type FilterKey } from '../../state/filter';
import { type Density, heightOf, indexOf, type Row } from '../../state/rows';
import { testIds } from '../../testIds';
import { EventRow } from '../EventRow/EventRow';
import { getStyles as getRowStyles } from '../EventRow/EventRow.styles';
import { MarkRow } from '../EventRow/MarkRow';
import { getStyles } from './Stream.styles';
import { useFollow } from './useFollow';

interface Props {
  rows: readonly Row[];
  /** Changes with the rows: they are changed in place. */
  version: number;
  density: Density;
  utc: boolean;
  busy: boolean;
  /** Said where there is nothing. */
  empty: string;
  /** Events that came while paused. */
  waiting: string;
  /** Place of the row that has the keyboard, and of the one in the drawer. */
  active: number | undefined;
  selected: number | undefined;
  onActive: (at: number | undefined) => void;
  onOpen: (seq: number) => void;
  onFilter: (key: FilterKey, value: string) => void;
  onRefill: (from: number, to: number) => void;
  onOlder: () => void;
  onResume: () => void;
}

export function Stream(props: Props) {
  const { rows, version, density, utc, active, selected, onActive, onOpen, onFilter } = props;
  const styles = useStyles2(getStyles);
  const rowStyles = useStyles2(getRowStyles);
  const { scroller, following, setFollowing, onScroll } = useFollow(version, props.onOlder);
  const activeIndex = active === undefined ? -1 : indexOf(rows, active);

  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    // A new function with each change of the rows: what was laid out before is laid out anew.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    getItemKey: useCallback((index: number) => rows[index].at, [rows, version, density]),
    estimateSize: (index) => heightOf(rows[index], density),
    overscan: 4,
    // Who reads further up keeps the place while rows come and go; who follows is taken to the end by `useFollow`.
    anchorTo: following ? 'start' : 'end',
    rangeExtractor: (range) => withActive(range, activeIndex),
  });

  // The row with the keyboard always is rendered, so the focus is never lost with it.
  useEffect(() => {
    const row = active === undefined ? null : scroller.current?.querySelector<HTMLElement>(`[data-at="${active}"]`);
    row?.focus({ preventScroll: true });
  }, [active, scroller]);

  const move = (index: number) => {
    const step = index < activeIndex ? -1 : 1;
    let to = Math.min(Math.max(index, 0), rows.length - 1);
    while (rows[to] && rows[to].kind !== 'event') {
      to += step;
    }
    if (rows[to]) {
      setFollowing(to === rows.length - 1 && following);
      virtualizer.scrollToIndex(to, { align: 'auto' });
      onActive(rows[to].at);
    }
  };

  const onKeyDown = (event: KeyboardEvent) => {
    // An open drawer has the keys, also until it has the focus.
    if (event.ctrlKey || event.metaKey || event.altKey || props.selected !== undefined) {
      return;
    }
    const target = TARGETS[event.key]?.(activeIndex, rows.length);
    if (target !== undefined) {
      event.preventDefault();
      move(target);
    } else if (event.key === 'Enter' && activeIndex >= 0 && !(event.target instanceof HTMLButtonElement)) {
      event.preventDefault();
      onOpen(rows[activeIndex].at);
    } else if (event.key === 'f') {
      setFollowing(true);
    } else if (event.key === 'Escape' && activeIndex >= 0) {
      onActive(undefined);
      scroller.current?.focus();
    }
  };

  const onClick = (event: MouseEvent) => {
    const target = event.target instanceof Element ? event.target : null;
    const value = target?.closest<HTMLElement>('[data-key]');
    const row = target?.closest<HTMLElement>('[data-at]');
    if (value) {
      onFilter(value.dataset.key as FilterKey, value.dataset.value ?? '');
    } else if (row && !window.getSelection()?.toString()) {
      onActive(Number(row.dataset.at));
      onOpen(Number(row.dataset.at));
    }
  };

  return (
    <div className={styles.frame}>
      {/* Rows have the keyboard; clicks on them are taken here once instead of in each. */}
      <div
        ref={scroller}
        className={styles.scroller}
        role="feed"
        aria-label={t('panel.stream.label', 'Events, newest last')}
        aria-busy={props.busy}
        data-testid={testIds.stream}
        data-following={following}
        tabIndex={0}
        onScroll={onScroll}
        onKeyDown={onKeyDown}
        onClick={onClick}
      >
        <div className={styles.sizer} style={{ height: virtualizer.getTotalSize() }}>
          {virtualizer.getVirtualItems().map(({ index, key, start, size }) => {
            const row = rows[index];
            if (row.kind === 'mark') {
              return <MarkRow key={key} mark={row.mark} top={start} styles={rowStyles} onRefill={props.onRefill} />;
            }
            return (
              <EventRow
                key={key}
                event={row.event}
                density={density}
                top={start}
                height={size}
                position={index + 1}
                size={rows.length}
                selected={row.at === selected}
                utc={utc}
                styles={rowStyles}
              />
            );
          })}
        </div>
      </div>
      {rows.length === 0 && (
        <div className={styles.empty} data-testid={testIds.empty}>
          {props.empty}
        </div>
      )}
      {(!following || props.waiting) && rows.length > 0 && (
        <div className={styles.below}>
          <Button
            size="sm"
            variant="secondary"
            icon="arrow-down"
            data-testid={testIds.follow}
            onClick={() => {
              setFollowing(true);
              props.onResume();
            }}
          >
            {props.waiting || t('panel.stream.follow', 'Follow the newest')}
          </Button>
        </div>
      )}
    </div>
  );
}

/** Where a key leads, from the row that has the keyboard (-1: none yet, then the newest). */
const TARGETS: Record<string, (index: number, length: number) => number> = {
  ArrowDown: (index, length) => (index < 0 ? length - 1 : index + 1),
  j: (index, length) => (index < 0 ? length - 1 : index + 1),
  ArrowUp: (index, length) => (index < 0 ? length - 1 : index - 1),
  k: (index, length) => (index < 0 ? length - 1 : index - 1),
  PageDown: (index, length) => (index < 0 ? length - 1 : index + 10),
  PageUp: (index, length) => (index < 0 ? length - 1 : index - 10),
  Home: () => 0,
  End: (_, length) => length - 1,
};

function withActive(range: Range, active: number): number[] {
  const shown = defaultRangeExtractor(range);
  return active < 0 || active >= range.count || shown.includes(active)
    ? shown
    : [...shown, active].sort((a, b) => a - b);
}
