import { Lines } from './lines';

const bytes = (text: string) => new TextEncoder().encode(text);

describe('lines of a stream', () => {
  it('are whole, however the bytes are cut', () => {
    const whole = bytes('{"a":"ñ"}\n\n{"b":"🔁"}\r\n{"c":1}');
    for (let size = 1; size < whole.length; size++) {
      const lines = new Lines();
      const got: string[] = [];
      for (let at = 0; at < whole.length; at += size) {
        got.push(...lines.push(whole.slice(at, at + size)));
      }
      expect(got.map((line) => line.trim())).toEqual(['{"a":"ñ"}', '{"b":"🔁"}']);
    }
  });

  it('end, or are dropped', () => {
    const lines = new Lines();
    const endless = new Uint8Array(16 * 1024 * 1024).fill(120);
    for (let n = 0; n < 6; n++) {
      expect(lines.push(endless)).toEqual([]);
    }
    expect(lines.push(bytes('rest of it\nnext\n'))).toEqual(['next']);
  });
});
