from storyreel_assembler.app import main

main()
