/** Longest line kept: an event with its payload, escaped at worst. */
const MAX_LINE = 64 * 1024 * 1024;

/** Cuts bytes, as they come, into lines. A line that never ends is dropped rather than kept for ever. */
export class Lines {
  private readonly decoder = new TextDecoder();
  private rest = '';
  private tooLong = false;

  /** The lines completed by these bytes; empty ones, which are heartbeats, are left out. */
  push(bytes: Uint8Array): string[] {
    const parts = (this.rest + this.decoder.decode(bytes, { stream: true })).split('\n');
    this.rest = parts.pop() ?? '';
    if (this.tooLong && parts.length > 0) {
      parts.shift();
      this.tooLong = false;
    }
    if (this.rest.length > MAX_LINE) {
      this.rest = '';
      this.tooLong = true;
    }
    return parts.filter((line) => line.trim() !== '');
  }
}
