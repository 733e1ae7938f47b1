import { bytesText, clockText, cut, iconOf, latencyText, line, markOf, severityOf, shortId, visible } from './format';

describe('text', () => {
  it('shows controls and marks of direction instead of doing what they say', () => {
    expect(visible('\u001b[31mred\u0000\u007f')).toBe('‹U+001B›[31mred‹U+0000›‹U+007F›');
    expect(visible('a\u202Egpj.exe\u2066\u200f')).toBe('a‹U+202E›gpj.exe‹U+2066›‹U+200F›');
    expect(line('one\r\ntwo\u2028three')).toBe('one↵two‹U+2028›three');
  });

  it('leaves languages, emoji and their joiners alone', () => {
    expect(visible('مرحبا שלום 日本 👩‍💻 ñ')).toBe('مرحبا שלום 日本 👩‍💻 ñ');
  });

  it('cuts a megabyte before anything else is done with it, and no character in two', () => {
    expect(line('\u001b'.repeat(1 << 20))).toHaveLength(400 * '‹U+001B›'.length + 1);
    expect(cut('a👍b', 2)).toBe('a…');
    expect(cut('abc', 3)).toBe('abc');
  });

  it('keeps both ends of an id', () => {
    expect(shortId('s-b1c4b4bb-e8ea-478c-9534-ce7490c7266d')).toBe('s-b1c4b4bb-e8ea-4…c7266d');
    expect(shortId('US-1')).toBe('US-1');
  });
});

describe('numbers and times', () => {
  it.each([
    [null, ''],
    [2.51, '2.5 ms'],
    [15.881, '16 ms'],
    [1500, '1.5 s'],
    [90_000, '1.5 min'],
    [NaN, ''],
  ])('%p ms is %p', (ms, text) => expect(latencyText(ms)).toBe(text));

  it('tells the time of day, also of what is no time', () => {
    expect(clockText(Date.parse('2026-02-14T09:02:03.045Z'), true)).toBe('09:02:03.045');
    expect(clockText(NaN, true)).toBe('--:--:--.---');
  });

  it('tells sizes', () => expect([12, 2048, 3 << 20].map(bytesText)).toEqual(['12 B', '2.0 KiB', '3.0 MiB']));
});

describe('icons', () => {
  it('knows the families of events, and has one for the others', () => {
    expect(iconOf('agent.response.completed')).toBe('💬');
    expect(iconOf('orchestration.deliberation.completed')).toBe('🗣️');
    expect(iconOf('something.else')).toBe('📤');
  });

  it('marks deliveries as the plan does, and bears states it does not know', () => {
    expect(['acked', 'terminated', 'nacked', 'vanished'].map(markOf)).toEqual(['✅', '❌', '🔁', '•']);
    expect(severityOf('fatal')).toBe('info');
  });
});
