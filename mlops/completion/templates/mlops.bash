# Completes mlops in bash. To have it in every shell: mlops completion bash >> ~/.bashrc
_mlops() {
    # bash splits words at "=" and ":", a recipe's overrides do not: take the line apart at blanks.
    local line="${COMP_LINE:0:COMP_POINT}" after="${COMP_LINE:COMP_POINT}" word="" settled="" item="" IFS=$' \t\n'
    local -a before others
    read -r -a before <<< "$line"
    if [[ "$line" != *[[:space:]] ]]; then
        word="${before[${#before[@]} - 1]}"
        unset "before[${#before[@]} - 1]"
    fi
    if [[ "$after" != [[:space:]]* ]]; then
        after="${after#*[[:space:]]}"
    fi
    COMPREPLY=()
    if ((${#before[@]} <= 1)); then
        COMPREPLY=($(compgen -W "@VERBS@ --help --version" -- "$word"))
        return
    fi
    case "${before[1]}" in
@SETTLED@
        *)
            read -r -a others <<< "$after"
            settled="$("${before[0]}" completion query "${before[1]}" "$word" "${before[@]:2}" "${others[@]}" 2> /dev/null)"
            ;;
    esac
    # Not compgen -W: that would run what a value holds.
    while read -r item; do
        [[ -n "$item" && "$item" == "$word"* ]] && COMPREPLY+=("$item")
    done <<< "${settled// /$'\n'}"
    # A key or group is to be followed by more, without a blank.
    if [[ "${COMPREPLY[*]}" =~ [=./]( |$) ]]; then
        compopt -o nospace 2> /dev/null
    fi
    # Where bash has split the word, it wants only what stands behind the last split.
    if [[ "$COMP_WORDBREAKS" == *=* && "$word" == *=* ]]; then
        COMPREPLY=("${COMPREPLY[@]#"${word%"${word##*=}"}"}")
    fi
}
complete -o bashdefault -o default -F _mlops mlops
