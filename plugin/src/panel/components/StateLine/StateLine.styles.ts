import { css } from '@emotion/css';
import { type GrafanaTheme2 } from '@grafana/data';

export const getStyles = (theme: GrafanaTheme2) => {
  const dot = (color: string) => css({ '&::before': { background: color } });
  return {
    line: css({
      display: 'flex',
      flexWrap: 'wrap',
      alignItems: 'center',
      gap: theme.spacing(0, 1.5),
      minHeight: 22,
      color: theme.colors.text.secondary,
      fontSize: theme.typography.bodySmall.fontSize,
    }),
    state: css({
      display: 'flex',
      alignItems: 'center',
      gap: theme.spacing(0.75),
      color: theme.colors.text.primary,
      fontWeight: theme.typography.fontWeightMedium,
      '&::before': { content: '""', width: 8, height: 8, borderRadius: '50%' },
    }),
    good: dot(theme.colors.success.main),
    wait: dot(theme.colors.warning.main),
    bad: dot(theme.colors.error.main),
    calm: dot(theme.colors.info.main),
    detail: css({
      color: theme.colors.error.text,
      overflow: 'hidden',
      textOverflow: 'ellipsis',
      whiteSpace: 'nowrap',
      maxWidth: '100%',
    }),
    note: css({ color: theme.colors.warning.text }),
    numbers: css({ marginLeft: 'auto', fontVariantNumeric: 'tabular-nums' }),
  };
};
