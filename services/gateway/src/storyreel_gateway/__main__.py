from storyreel_gateway.app import main

main()
