import { css, type CSSObject } from '@emotion/css';
import { type GrafanaTheme2 } from '@grafana/data';

/** Browsers name the parts of a slider differently, and take no rule that names a part they do not know. */
const both = (part: 'track' | 'thumb', style: CSSObject) => ({
  [part === 'track' ? '&::-webkit-slider-runnable-track' : '&::-webkit-slider-thumb']: style,
  [`&::-moz-range-${part}`]: { ...style, marginTop: 0 },
});

export const getStyles = (theme: GrafanaTheme2) => ({
  bar: css({
    display: 'flex',
    flexDirection: 'column',
    gap: theme.spacing(0.5),
    padding: theme.spacing(1),
    background: theme.colors.background.secondary,
    border: `1px solid ${theme.colors.border.weak}`,
    borderRadius: theme.shape.radius.default,
  }),
  line: css({ display: 'flex', flexWrap: 'wrap', alignItems: 'center', gap: theme.spacing(1) }),
  slider: css({
    flex: '1 1 160px',
    minWidth: 120,
    height: 16,
    appearance: 'none',
    background: 'transparent',
    cursor: 'pointer',
    ...both('track', {
      height: 4,
      borderRadius: theme.shape.radius.pill,
      background: `linear-gradient(to right, ${theme.colors.primary.main} var(--passed), ${theme.colors.border.strong} var(--passed))`,
    }),
    ...both('thumb', {
      width: 16,
      height: 16,
      marginTop: -6,
      border: 0,
      borderRadius: '50%',
      appearance: 'none',
      background: theme.colors.primary.main,
    }),
    '&:focus-visible': { outline: `2px solid ${theme.colors.primary.border}`, outlineOffset: 2 },
  }),
  end: css({
    flex: 'none',
    color: theme.colors.text.secondary,
    fontSize: theme.typography.bodySmall.fontSize,
    fontVariantNumeric: 'tabular-nums',
  }),
  position: css({
    flex: 'none',
    minWidth: 178,
    fontFamily: theme.typography.fontFamilyMonospace,
    fontVariantNumeric: 'tabular-nums',
  }),
  last: css({ marginLeft: 'auto' }),
});
