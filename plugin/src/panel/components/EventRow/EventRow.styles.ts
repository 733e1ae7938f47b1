import { css, cx } from '@emotion/css';
import { type GrafanaTheme2 } from '@grafana/data';

import { COMPACT, LINE, MARK, PADDING } from '../../state/rows';

/** Fixed heights: a row is as high as `heightOf` says, so nothing has to be measured. */
export const getStyles = (theme: GrafanaTheme2) => {
  const line = css({
    display: 'flex',
    alignItems: 'center',
    gap: theme.spacing(1),
    height: LINE,
    minWidth: 0,
    whiteSpace: 'nowrap',
    overflow: 'hidden',
  });
  const text = { overflow: 'hidden', textOverflow: 'ellipsis', unicodeBidi: 'isolate' } as const;
  const edge = (color: string) => css({ borderLeftColor: color });
  return {
    row: css({
      position: 'absolute',
      top: 0,
      left: 0,
      width: '100%',
      boxSizing: 'border-box',
      overflow: 'hidden',
      contain: 'strict',
      cursor: 'pointer',
      borderLeft: '3px solid transparent',
      borderBottom: `1px solid ${theme.colors.border.weak}`,
      fontSize: theme.typography.bodySmall.fontSize,
      lineHeight: `${LINE}px`,
      '&:hover': { background: theme.colors.action.hover },
      '&:focus-visible, &:focus': {
        outline: `2px solid ${theme.colors.primary.border}`,
        outlineOffset: -2,
      },
    }),
    comfortable: css({ padding: `${PADDING}px ${theme.spacing(1)}` }),
    compact: css({ padding: `0 ${theme.spacing(1)}`, lineHeight: `${COMPACT}px` }),
    selected: css({ background: theme.colors.action.selected }),
    info: edge(theme.colors.info.border),
    warning: edge(theme.colors.warning.main),
    error: cx(edge(theme.colors.error.main), css({ background: theme.colors.error.transparent })),
    line,
    indent: css({ paddingLeft: 116 }),
    time: css({
      flex: 'none',
      width: 108,
      fontFamily: theme.typography.fontFamilyMonospace,
      color: theme.colors.text.secondary,
      fontVariantNumeric: 'tabular-nums',
    }),
    icon: css({ flex: 'none', width: 20, textAlign: 'center' }),
    type: css({
      ...text,
      flex: '0 1 auto',
      fontFamily: theme.typography.fontFamilyMonospace,
      fontWeight: theme.typography.fontWeightMedium,
      color: theme.colors.text.maxContrast,
    }),
    source: css({
      flex: 'none',
      padding: theme.spacing(0, 0.5),
      borderRadius: theme.shape.radius.default,
      background: theme.colors.background.secondary,
      color: theme.colors.text.secondary,
      fontSize: 11,
      lineHeight: '16px',
    }),
    severity: css({ flex: 'none', fontWeight: theme.typography.fontWeightMedium }),
    severityWarning: css({ color: theme.colors.warning.text }),
    severityError: css({ color: theme.colors.error.text }),
    fact: css({ ...text, flex: '0 1 auto', color: theme.colors.text.secondary }),
    value: css({
      all: 'unset',
      unicodeBidi: 'isolate',
      color: theme.colors.text.link,
      cursor: 'pointer',
      '&:hover': { textDecoration: 'underline' },
      '&:focus-visible': { outline: `2px solid ${theme.colors.primary.border}` },
    }),
    summary: css({ ...text, color: theme.colors.text.primary }),
    grow: css({ flex: '1 1 0' }),
    branch: css({
      flex: 'none',
      fontFamily: theme.typography.fontFamilyMonospace,
      color: theme.colors.text.disabled,
    }),
    consumer: css({ ...text, color: theme.colors.text.primary }),
    told: css({ ...text, flex: '0 0 auto', color: theme.colors.text.secondary }),
    tally: css({ flex: 'none', color: theme.colors.text.secondary, fontVariantNumeric: 'tabular-nums' }),
    mark: css({
      position: 'absolute',
      top: 0,
      left: 0,
      width: '100%',
      height: MARK,
      boxSizing: 'border-box',
      display: 'flex',
      alignItems: 'center',
      gap: theme.spacing(1),
      padding: theme.spacing(0, 1),
      overflow: 'hidden',
      whiteSpace: 'nowrap',
      color: theme.colors.warning.text,
      background: theme.colors.warning.transparent,
      borderTop: `1px dashed ${theme.colors.warning.border}`,
      borderBottom: `1px dashed ${theme.colors.warning.border}`,
      fontSize: theme.typography.bodySmall.fontSize,
    }),
  };
};

export type RowStyles = ReturnType<typeof getStyles>;
