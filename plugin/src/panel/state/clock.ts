// Time of a replay: real milliseconds → milliseconds of history. Real time is a parameter.

export const SPEEDS = [0.5, 1, 2, 5, 10, 25, 50, 100] as const;

export class ReplayClock {
  private anchor = 0;
  private running = false;
  private factor = 1;

  constructor(private position: number) {}

  get playing(): boolean {
    return this.running;
  }

  get speed(): number {
    return this.factor;
  }

  at(now: number): number {
    return this.running ? this.position + Math.max(0, now - this.anchor) * this.factor : this.position;
  }

  play(now: number): void {
    this.seek(this.at(now), now);
    this.running = true;
  }

  pause(now: number): void {
    this.seek(this.at(now), now);
    this.running = false;
  }

  setSpeed(speed: number, now: number): void {
    this.seek(this.at(now), now);
    this.factor = speed;
  }

  seek(position: number, now: number): void {
    this.position = position;
    this.anchor = now;
  }
}
