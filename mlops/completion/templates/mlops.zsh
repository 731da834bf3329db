#compdef mlops
# Completes mlops in zsh. To have it in every shell: mlops completion zsh >> ~/.zshrc (after compinit)
_mlops() {
    local -a verbs found open closed
    local settled=""
    if (( CURRENT == 2 )); then
        verbs=(
@VERBS@
        )
        _describe 'verb' verbs
        return
    fi
    case "$words[2]" in
@SETTLED@
        *)
            found=(${(f)"$("$words[1]" completion query "$words[2]" "$PREFIX" "${(@)words[3,CURRENT-1]}" "${(@)words[CURRENT+1,-1]}" 2> /dev/null)"})
            ;;
    esac
    [[ -n "$settled" ]] && found=(${=settled})
    # A key or group is to be followed by more, without a blank.
    open=(${(M)found:#*[=./]})
    closed=(${found:#*[=./]})
    compadd -S '' -- $open
    compadd -- $closed
    (( $#found )) || _files
}
compdef _mlops mlops
