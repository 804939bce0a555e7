# Steps that run beside others. Sourced after lib.sh; apart from it, as it needs a newer bash (4.2).

declare -A running=() headlines=()
logs=$target/logs
mkdir -p "$logs"

# beside NAME HEADLINE COMMAND…: starts a step that runs beside those that follow, with less priority.
#
# Its output goes to target/logs/NAME.log and is printed only if it fails. `finish` waits for it.
beside() {
    local name=$1
    headlines[$name]=$2
    shift 2
    # A process group of its own, so that all of it can be ended.
    set -m
    (
        renice -n 10 -p "$BASHPID" >/dev/null
        start=$SECONDS
        "$@"
        echo $((SECONDS - start)) >"$logs/$name.seconds"
    ) >"$logs/$name.log" 2>&1 </dev/null &
    running[$name]=$!
    set +m
}

# finish NAME…: waits for the end of steps that run beside this one, and ends the script if one failed.
finish() {
    local name process start code
    for name in "$@"; do
        process=${running[$name]-}
        [ -n "$process" ] || continue
        start=$SECONDS code=0
        wait "$process" || code=$?
        unset "running[$name]"
        if [ "$code" -ne 0 ]; then
            headline=${headlines[$name]}
            cat "$logs/$name.log"
            exit 1
        fi
        printf '==> done in %d s (waited %d s): %s\n' \
            "$(<"$logs/$name.seconds")" $((SECONDS - start)) "${headlines[$name]}"
    done
}

# A failure is reported after the step during which it happens, and not at the end only.
after_step() {
    local name
    for name in "${!running[@]}"; do
        kill -0 "${running[$name]}" 2>/dev/null || finish "$name"
    done
}

end_running() {
    local name
    for name in "${!running[@]}"; do kill -- "-${running[$name]}" 2>/dev/null || true; done
}
trap 'end_running; report_failure' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
