import { cx } from '@emotion/css';
import { t } from '@grafana/i18n';
import { useStyles2 } from '@grafana/ui';
import React, { type KeyboardEvent, type MouseEvent, useMemo, useRef, useState } from 'react';

import { type JsonValue } from '../../feed';
import { lines, type Opened, toggled, type TreeLine } from '../../state/tree';
import { testIds } from '../../testIds';
import { getStyles } from './JsonTree.styles';

interface Props {
  value: JsonValue;
  label: string;
}

/** A payload as a tree of bounded size. It is text to the last character. */
export function JsonTree({ value, label }: Props) {
  const styles = useStyles2(getStyles);
  const [opened, setOpened] = useState<Opened>(new Map());
  const [focused, setFocused] = useState('$');
  const tree = useRef<HTMLDivElement>(null);
  const shown = useMemo(() => lines(value, opened), [value, opened]);

  const lineOf = (path: string | undefined) => shown.find((l) => l.path === path);
  const toggle = (line: TreeLine | undefined) => line && setOpened((before) => toggled(before, line, shown));
  const focus = (line: TreeLine | undefined) => {
    if (line) {
      setFocused(line.path);
      tree.current?.querySelector<HTMLElement>(`[data-path="${line.path}"]`)?.focus();
    }
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const index = shown.findIndex((l) => l.path === focused);
    const line = shown[index];
    const branch = line?.kind === 'object' || line?.kind === 'array';
    const parent = shown
      .slice(0, Math.max(0, index))
      .reverse()
      .find((l) => l.depth < line.depth);
    const acts: Record<string, () => void> = {
      ArrowDown: () => focus(shown[index + 1]),
      ArrowUp: () => focus(shown[index - 1]),
      ArrowRight: () => (branch && !line.open ? toggle(line) : focus(shown[index + 1])),
      ArrowLeft: () => (branch && line.open ? toggle(line) : focus(parent)),
      Enter: () => toggle(line),
      ' ': () => toggle(line),
      Home: () => focus(shown[0]),
      End: () => focus(shown[shown.length - 1]),
    };
    if (acts[event.key]) {
      event.preventDefault();
      event.stopPropagation();
      acts[event.key]();
    }
  };

  const onClick = (event: MouseEvent) => {
    const path = event.target instanceof Element && event.target.closest<HTMLElement>('[data-path]')?.dataset.path;
    const line = path ? lineOf(path) : undefined;
    // A text is there to be selected; only its "more" opens it.
    const more = event.target instanceof Element && event.target.closest('[data-more]');
    if (line && (line.kind !== 'string' || more)) {
      setFocused(line.path);
      toggle(line);
    }
  };

  return (
    // The lines have the keyboard; clicks on them are taken here once.
    <div
      ref={tree}
      role="tree"
      aria-label={label}
      className={styles.tree}
      data-testid={testIds.tree}
      onKeyDown={onKeyDown}
      onClick={onClick}
    >
      {shown.map((line) => (
        <Line key={line.path} line={line} focusable={line.path === focused} styles={styles} />
      ))}
    </div>
  );
}

interface LineProps {
  line: TreeLine;
  focusable: boolean;
  styles: ReturnType<typeof getStyles>;
}

function Line({ line, focusable, styles }: LineProps) {
  const branch = line.kind === 'object' || line.kind === 'array';
  return (
    <span
      role="treeitem"
      aria-level={line.depth + 1}
      aria-selected={false}
      aria-expanded={branch && line.size > 0 ? line.open : undefined}
      tabIndex={focusable ? 0 : -1}
      data-path={line.path}
      data-testid={testIds.treeLine}
      className={cx(styles.line, branch && styles.branch)}
      style={{ paddingLeft: Math.min(line.depth, 20) * 14 }}
    >
      <span className={styles.arrow} aria-hidden="true">
        {branch && line.size > 0 ? (line.open ? '▾' : '▸') : ''}
      </span>
      {line.name !== undefined && <span className={styles.name}>{`${line.name}: `}</span>}
      <Value line={line} styles={styles} />
    </span>
  );
}

function Value({ line, styles }: Pick<LineProps, 'line' | 'styles'>) {
  switch (line.kind) {
    case 'more':
      return <span className={styles.more}>{t('panel.tree.more', '… {{left}} more: show', { left: line.size })}</span>;
    case 'end':
      return (
        <span className={styles.quiet}>
          {t('panel.tree.end', '… too much to show: copy the payload to see the rest')}
        </span>
      );
    case 'string':
      return (
        <>
          <span className={line.masked ? styles.masked : styles.string}>{`"${line.text}"`}</span>
          {line.left > 0 && (
            <span className={styles.more} data-more="">
              {' '}
              {t('panel.tree.longer', '{{left}} more characters: show', { left: line.left })}
            </span>
          )}
        </>
      );
    case 'object':
    case 'array':
      return <span className={styles.quiet}>{line.text}</span>;
    default:
      return <span className={styles.number}>{line.text}</span>;
  }
}
