export { createRecorder, type Recorder, type RecorderOptions } from './recording/create-recorder.ts'
export { createReplay, type Replay, type ReplayOptions, type ReplaySource } from './recording/create-replay.ts'
export { readRecording } from './recording/read-recording.ts'
export type {
  AnswerLine,
  ConnectionLine,
  NoteLine,
  RecordingHeader,
  RecordingLine,
  RemarkLine,
  RequestLine,
  StallLine,
  TimedLine,
} from './recording/lines.ts'
