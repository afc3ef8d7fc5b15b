#!/bin/sh
# Makes the sounds in this folder again, with ffmpeg 5.1: 1.5 seconds that `sound()` in tests/audio/fixtures.rs knows.
set -e
cd "$(dirname "$0")"
make() {
    out=$1
    shift
    ffmpeg -v error -y -bitexact -f lavfi \
        -i "aevalsrc=0.5*sin(2*PI*(300*t+500*t*t))*(0.6+0.4*sin(2*PI*3*t)):s=48000:d=1.5" \
        -map_metadata -1 -bitexact "$@" "$out"
}
make lc.m4a -c:a aac -b:a 48k -ar 44100
make lc.aac -c:a aac -b:a 48k -ac 2 -ar 44100
make lc.3gp -c:a aac -b:a 16k -ar 8000
make alac.m4a -c:a alac -ar 16000 -sample_fmt s16p
make opus.mp4 -c:a libopus -b:a 24k
make opus.webm -c:a libopus -b:a 24k
make stereo.ogg -c:a libopus -b:a 32k -ac 2
make cbr.mp3 -c:a libmp3lame -b:a 48k -ar 44100
make vbr.mp3 -c:a libmp3lame -q:a 7 -ar 22050 -ac 2
make vorbis.ogg -c:a libvorbis -q:a 0 -ar 44100
make flac.ogg -c:a flac -ar 16000 -sample_fmt s16
make a.flac -c:a flac -ar 16000 -sample_fmt s16
make alaw.wav -c:a pcm_alaw -ar 8000
make mulaw.wav -c:a pcm_mulaw -ar 8000
make ima.wav -c:a adpcm_ima_wav -ar 11025
make ms.wav -c:a adpcm_ms -ar 11025
make float.wav -c:a pcm_f32le -ar 8000
make s24.wav -c:a pcm_s24le -ar 8000 -ac 2
make u8.wav -c:a pcm_u8 -ar 8000
make a.aiff -ar 8000
make a.caf -ar 8000
ffmpeg -v error -y -bitexact -f lavfi -i testsrc=d=1.5:s=32x32:r=5 -i lc.m4a -map_metadata -1 -bitexact \
    -c:v mpeg4 -c:a copy video.mp4
ffmpeg -v error -y -bitexact -i video.mp4 -map_metadata -1 -bitexact -c copy video.mov
ffmpeg -v error -y -bitexact -i video.mp4 -map_metadata -1 -bitexact -an -c copy mute.mp4
ffmpeg -v error -y -bitexact -i lc.m4a -map_metadata -1 -bitexact -c copy -movflags frag_keyframe+empty_moov fragments.mp4
