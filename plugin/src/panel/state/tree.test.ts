import { type JsonValue } from '../feed';
import { copyText, isMasked, lines, MOST_LINES, type Opened, STEP, TEXT, toggled } from './tree';

const NONE: Opened = new Map();
const texts = (value: JsonValue, opened = NONE) =>
  lines(value, opened).map((l) => `${' '.repeat(l.depth)}${l.name ?? ''}=${l.text}`);

describe('tree', () => {
  it('opens the outer levels', () => {
    expect(texts({ a: 1, b: { c: [true, null], d: 'x' } })).toEqual(['={2}', ' a=1', ' b={2}', '  c=[2]', '  d=x']);
  });

  it('opens and closes a branch', () => {
    const value = { a: { b: { c: 1 } } };
    const closed = lines(value, NONE);
    const opened = toggled(NONE, closed[2], closed);
    expect(lines(value, opened).map((l) => l.name)).toEqual([undefined, 'a', 'b', 'c']);
    const all = lines(value, opened);
    expect(lines(value, toggled(opened, all[1], all)).map((l) => l.name)).toEqual([undefined, 'a']);
  });

  it('tells ten thousand keys a hundred at a time', () => {
    const value = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`key${i}`, i]));
    let opened: Opened = NONE;
    expect(lines(value, opened)).toHaveLength(1);
    opened = toggled(opened, lines(value, opened)[0], lines(value, opened));
    expect(lines(value, opened)).toHaveLength(STEP + 2);
    const more = lines(value, opened)[STEP + 1];
    expect(more).toMatchObject({ kind: 'more', size: 10_000 - STEP });
    opened = toggled(opened, more, lines(value, opened));
    expect(lines(value, opened)).toHaveLength(2 * STEP + 2);
  });

  it('never has more lines than its budget', () => {
    const wide: JsonValue = Array.from({ length: 20_000 }, () => 0);
    const shown = lines(wide, new Map([['$', 20_000]]));
    expect(shown).toHaveLength(MOST_LINES + 1);
    expect(shown[MOST_LINES].kind).toBe('end');
  });

  it('bears a nesting that would exhaust the stack', () => {
    let value: JsonValue = 1;
    const opened = new Map<string, number>();
    for (let depth = 0; depth < 20_000; depth++) {
      value = [value];
    }
    let path = '$';
    for (let depth = 0; depth < 100; depth++) {
      opened.set(path, 1);
      path += '/0';
    }
    expect(lines(value, opened)).toHaveLength(101);
  });

  it('shows a megabyte of text a piece at a time', () => {
    const value = { text: 'x'.repeat(1 << 20) };
    const shown = lines(value, NONE);
    expect(shown[1].text.length).toBe(TEXT + 1);
    expect(shown[1].left).toBe((1 << 20) - TEXT);
    const more = lines(value, toggled(NONE, shown[1], shown));
    expect(more[1].text.length).toBe(20 * TEXT + 1);
  });

  it('marks what was masked, and shows hostile names as text', () => {
    const shown = lines({ password: '[masked:secret]', '\u202e<b>': '\u001b[2J' }, NONE);
    expect(shown[1]).toMatchObject({ masked: true, text: '[masked:secret]' });
    expect(shown[2]).toMatchObject({ masked: false, name: '‹U+202E›<b>', text: '‹U+001B›[2J' });
    expect(isMasked('nats://a:[masked:password]@c')).toBe(true);
    expect(isMasked('a mask')).toBe(false);
  });

  it('copies the whole, text as it is', () => {
    expect(copyText({ a: [1] })).toBe('{\n  "a": [\n    1\n  ]\n}');
    expect(copyText('a\nb')).toBe('a\nb');
  });
});
