# Completion of heap_dump for bash. Commands and options change together with cli/.

_heap_dump() {
    local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} options
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W "summary top show path check layout version help --help --version" -- "$word")
        return
    fi
    case $command in
    summary) options="--json --help" ;;
    top) options="--by --sort --limit --exact --json --help" ;;
    show) options="--limit --json --help" ;;
    path) options="--all --exclude-weak --limit --json --help" ;;
    check) options="--json --quiet --help" ;;
    layout) options="--ruby --platform --origin --build-id --verified-with --corrections --output --quiet --list --probe --help" ;;
    version) options="--json --help" ;;
    help) options="summary top show path check layout version" ;;
    *) return ;;
    esac
    local before=${COMP_WORDS[COMP_CWORD - 1]}
    if [[ $command == top && ($before == --by || $before == -b) ]]; then
        mapfile -t COMPREPLY < <(compgen -W "class type" -- "$word")
    elif [[ $command == top && ($before == --sort || $before == -s) ]]; then
        mapfile -t COMPREPLY < <(compgen -W "retained size count" -- "$word")
    elif [[ $command == help ]]; then
        ((COMP_CWORD == 2)) && mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
    elif [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
    elif [[ $command != version ]]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
    fi
}

complete -F _heap_dump heap_dump
